"""What an interpreter's command line tells it to run, read as `_PyOS_GetOpt` does (Python/getopt.c, 3.8 to 3.15)."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_LONG_OPTIONS_WITH_VALUE = frozenset({"--check-hash-based-pycs"})
_LETTERS_WITH_VALUE = "cmWX"
_FILES_OF_TEXT = {"command": "<string>", "console": "<stdin>"}


@dataclass(frozen=True, slots=True)
class Program:
    """A script by its path, a module by its name (`-m`), a command (`-c`), or what comes from standard input."""

    kind: Literal["script", "module", "command", "console"]
    name: str = ""

    def runs(self, file: str, modules: Sequence[str], working_directory: str | None) -> bool:
        """Tell whether module `__main__` is made of a code object's file; `modules` are that file's module names."""
        if self.kind == "module":
            is_package = file.endswith("/__init__.py")  # its __main__ is run
            return not is_package and not {self.name, f"{self.name}.__main__"}.isdisjoint(modules)
        if self.kind != "script":
            return file == _FILES_OF_TEXT[self.kind]
        path, script = (posixpath.normpath(posixpath.join(working_directory or "", each)) for each in (file, self.name))
        return path in {script, f"{script}/__main__.py"}  # a folder or zip file is run by its __main__


def ignores_environment(arguments: Sequence[str]) -> bool:
    """Tell whether an interpreter's options keep it from its own variables: -E, or -I, which implies it."""
    remaining = iter(arguments[1:])
    for argument in remaining:
        if not argument.startswith("-") or argument in {"-", "--"}:
            return False
        if argument in _LONG_OPTIONS_WITH_VALUE:
            next(remaining, None)
        letters = "" if argument.startswith("--") else argument[1:]
        at = next((at for at, letter in enumerate(letters) if letter in _LETTERS_WITH_VALUE), len(letters))
        if {"E", "I"}.intersection(letters[:at]):
            return True
        if letters[at : at + 1] in {"c", "m"}:
            return False
        if letters[at : at + 1] and not letters[at + 1 :]:
            next(remaining, None)
    return False


def read_program(arguments: Sequence[str]) -> Program:
    """Read a process's arguments, the first of which is the interpreter."""
    remaining = iter(arguments[1:])
    for argument in remaining:
        if argument == "-":
            break
        if not argument.startswith("-"):
            return Program("script", argument)
        if argument.startswith("--"):
            if argument in _LONG_OPTIONS_WITH_VALUE:
                next(remaining, None)
            continue
        found = _read_letters(argument, remaining)
        if found is not None:
            return found
    return Program("console")


def _read_letters(argument: str, remaining: Iterator[str]) -> Program | None:
    """Read letters that stand together; the first that takes a value takes the rest of the word, or the next word."""
    at = next((at for at, letter in enumerate(argument) if letter in _LETTERS_WITH_VALUE), None)
    if at is None:
        return None
    value = argument[at + 1 :] or next(remaining, "")
    if argument[at] in "WX":
        return None
    return Program("module", value) if argument[at] == "m" else Program("command", value)
