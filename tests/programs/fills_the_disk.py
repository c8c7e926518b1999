"""Raises ever other events from ever other places, until it has done so many that no small disk can hold them."""

import sys

for number in range(20000):
    exec(compile("\n" * (number % 100) + "sys.audit('filling', number, 'x' * 100)", "<place %d>" % number, "exec"))
