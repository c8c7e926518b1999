"""Installs a trivial audit hook in every process whose PYTHONPATH has this folder."""

import sys

sys.addaudithook(lambda _event, _arguments: None)
