"""Write policies/schema.json from pyxhon/policy/schema.py; with --check only tell whether it is stale."""

import json
import sys
from pathlib import Path

from pyxhon.policy.schema import build_schema

SCHEMA = Path(__file__).resolve().parent.parent / "policies" / "schema.json"


def render() -> str:
    """Give the schema's text."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write or check the schema."""
    text = render()
    if "--check" in sys.argv[1:]:
        if SCHEMA.exists() and SCHEMA.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write("policies/schema.json is stale; run scripts/generate_policy_schema.py\n")
        return 1
    SCHEMA.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
