"""A process image being recorded: from its exec, fork or our attach to its end or next exec."""

from dataclasses import dataclass

from pyxhon.interpreters import Interpreter
from pyxhon.resolve import ImageCode


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
    is_ended: bool = False
    is_audited: bool = False
    account: int = 0  # what its acts are counted under; 0: its number
    memory: int = 0  # the image whose code lies in the same memory; 0: its own
    audit_hooks: tuple[str, ...] = ()  # at attach
    doubt: str = ""  # why what is counted of its functions may be too little
