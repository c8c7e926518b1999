"""The kernel's side: compiles, loads and attaches the probes, reads what they send."""
