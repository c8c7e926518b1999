"""Wheels of the programs in tests/programs/evaluated, made without a network."""

import base64
import hashlib
import zipfile
from pathlib import Path

from tests.targets import PROGRAMS


def make_wheel(folder: Path, name: str, text: str | None = None) -> Path:
    """Make a wheel of one module: a program of ours, or one given as text."""
    content = (PROGRAMS / "evaluated" / f"{name}.py").read_text() if text is None else text
    information = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": content,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        record = []
        for member, written in files.items():
            archive.writestr(member, written)
            digest = base64.urlsafe_b64encode(hashlib.sha256(written.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{member},sha256={digest},{len(written.encode())}\n")
        archive.writestr(f"{information}/RECORD", "".join([*record, f"{information}/RECORD,,\n"]))
    return path
