"""Tells what was installed; run inside the sandbox, by any Python since 3.8: `describe.py [NAME]` prints one JSON object.

Without NAME it is the distribution that pip was asked for.
"""

import importlib.metadata
import json
import sys


def requested():
    """Give the distribution that pip was asked for by name or path, not those that it needs."""
    for found in importlib.metadata.distributions():
        if found.read_text("REQUESTED") is not None:
            return found
    return None


def main():
    """Print its name and version."""
    found = importlib.metadata.distribution(sys.argv[1]) if sys.argv[1:] else requested()
    print(json.dumps({"name": found.metadata["Name"], "version": found.version} if found else {}))


if __name__ == "__main__":
    main()
