#!/usr/bin/env python3
"""Write pyxhon/cpython/opcode_tables/*.json: what xdis does not know of opcodes; nothing there is written by hand.

    scripts/extract_opcodes.py INCLUDE_DIRECTORY COMMAND...     COMMAND runs the interpreter of these headers (3.11+)

Numbers, caches and what each specialised opcode stands for are the headers'. What arguments mean is asked of the
interpreter where it is newer than what xdis gets right. Prints the data file; --write puts it into its place, --check
compares it with the one there.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pyxhon.cpython.opcode_tables import LAST_OF_XDIS

TABLES = Path(__file__).resolve().parent.parent / "pyxhon" / "cpython" / "opcode_tables"
NO_OPCODE = re.compile(r"NB_.*|MIN_.*|HAVE_ARGUMENT|ENABLE_SPECIALIZATION.*")
ASK = """
import json, opcode, sys
kinds = {kind: [opcode.opname[number] for number in getattr(opcode, "has" + kind) if number < 256]
         for kind in ("name", "const", "local", "free", "jrel", "jabs", "compare")}
def texts(name):
    return [getattr(item, "__name__", None) or (item if isinstance(item, str) else repr(item))
            for item in getattr(opcode, name, ())]
print(json.dumps({
    "python": ".".join(map(str, sys.version_info[:3])), "minor": sys.version_info[1],
    "arguments": [opcode.opname[number] for number in getattr(opcode, "hasarg", ()) if number < 256],
    "kinds": kinds,
    "words": {"BINARY_OP": [item[1] for item in getattr(opcode, "_nb_ops", ())],
              "CALL_INTRINSIC_1": texts("_intrinsic_1_descs"), "CALL_INTRINSIC_2": texts("_intrinsic_2_descs"),
              "LOAD_SPECIAL": texts("_special_method_names"), "LOAD_COMMON_CONSTANT": texts("_common_constants")},
}))
"""


def main() -> int:
    """Extract, then print, write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the data file")
    action.add_argument("--check", action="store_true", help="exit 1 when the data file says anything else")
    parser.add_argument("include", type=Path)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    minor, text = extract(options.include, options.command)
    path = TABLES / f"3.{minor}.json"
    if options.write:
        path.write_text(text, encoding="utf-8")
    elif options.check:
        return int(json.loads(path.read_text(encoding="utf-8")) | {"python": ""} != json.loads(text) | {"python": ""})
    else:
        sys.stdout.write(text)
    return 0


def extract(include: Path, command: list[str]) -> tuple[int, str]:
    """Give the minor version and the text of its data file."""
    told = json.loads(subprocess.run([*command, "-I", "-c", ASK], check=True, capture_output=True, text=True).stdout)
    texts = [path.read_text(encoding="utf-8") for path in sorted(include.glob("opcode*.h"))]
    internal = [path.read_text(encoding="utf-8") for path in sorted((include / "internal").glob("pycore_opcode*.h"))]
    defined = re.findall(r"^#define +([A-Z]\w*) +(\d+)\b", "\n".join(texts), flags=re.MULTILINE)
    numbers = {name: int(number) for name, number in defined if not NO_OPCODE.fullmatch(name) and int(number) < 256}  # noqa: PLR2004
    data: dict[str, Any] = {"python": told["python"], "numbers": numbers}
    data["originals"] = {name: base for name, base in read_table(internal, "_PyOpcode_Deopt") if name != base}
    data["caches"] = {name: int(count) for name, count in read_table(internal, "_PyOpcode_Caches")}
    data["words"] = {name: words for name, words in told["words"].items() if words}
    if told["arguments"]:
        data["arguments"] = told["arguments"]
    if told["minor"] > LAST_OF_XDIS:
        data["kinds"] = told["kinds"]
    return told["minor"], render(data)


def read_table(texts: list[str], name: str) -> list[tuple[str, str]]:
    """Read a table of CPython's headers whose places are named after opcodes; unused numbers are left out."""
    found = re.search(rf"\b{name}\[256\] = {{(.*?)}};", "\n".join(texts), flags=re.DOTALL)
    if found is None:
        sys.exit(f"no table {name} in the headers")
    return re.findall(r"\[([A-Z]\w*)\] = (\w+)", found.group(1))


def render(data: dict[str, Any]) -> str:
    """Write the data, one of its parts in each line."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in data.items())
    return f"{{\n{lines}\n}}\n"


if __name__ == "__main__":
    sys.exit(main())
