"""A process image being recorded: from its exec, fork or our attach to its end or next exec."""

from dataclasses import dataclass
from typing import Final

from pyxhon.interpreters import Interpreter
from pyxhon.ownership import Ownership
from pyxhon.resolve import ImageCode
from pyxhon.target.process import read_memory

_NAME_LIMIT: Final = 256


@dataclass(slots=True)
class Image:
    """One process image."""

    number: int
    process: int
    pid: int
    code: ImageCode
    root: int
    executable: str | None
    arguments: list[str]
    working_directory: str | None
    interpreter: Interpreter | None = None
    parent_pid: int = 0
    is_new_program: bool = False  # begun by an exec: its libraries are mapped later
    started_ns: int = 0  # of one begun by an exec
    is_ended: bool = False
    ended_ns: int = 0
    is_audited: bool = False
    account: int = 0  # what its acts are counted under; 0: its number
    memory: int = 0  # the image whose code lies in the same memory; 0: its own
    audit_hooks: tuple[str, ...] = ()  # at attach
    doubt: str = ""  # why what is counted of its functions may be too little


def recover_name(image: Image, ownership: Ownership, address: int, base: int) -> str | None:
    """Read a string that a probe could not, from the live process, else from the interpreter's file."""
    content = None if image.is_ended else read_memory(image.pid, address, _NAME_LIMIT)
    if content is None and image.interpreter is not None:
        content = ownership.read_interpreter(image.interpreter.runtime.file_path, address - base, _NAME_LIMIT)
    if not content or b"\0" not in content:
        return None
    return content.split(b"\0")[0].decode("utf-8", "replace") or None
