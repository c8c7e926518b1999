"""PyXhon tells what a running Python program really does, in Python and beneath it."""

__version__ = "0.1.0"
