"""Which functions and modules sources are searched for: those of the five categories."""

import json

from pyxhon.categories import CategoryTables


def describe_wanted(tables: CategoryTables) -> bytes:
    """Give what the process that reads sources is told first."""
    entries = [entry for entry in tables.audit_events.values() if entry.category is not None]
    told = {
        "builtins": [name for name, category in tables.builtins.items() if category is not None],
        "functions": sorted({name for entry in entries for name in entry.functions if "." in name}),
        "sensitive": [name for name, category in tables.modules.items() if category is not None],
        "neutral": [name for name, category in tables.modules.items() if category is None],
    }
    return json.dumps(told).encode()
