"""The program that calibration has the target's interpreter run, in parts; run there, never imported here."""
