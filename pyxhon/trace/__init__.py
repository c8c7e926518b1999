"""The trace: one SQLite file per recording."""
