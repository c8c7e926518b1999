"""Everything here is done."""

import glob


def alive_function():
    return glob.glob("/planted-*")
