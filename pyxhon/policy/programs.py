"""Which files an act runs: the program, and the script that an interpreter is given."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pyxhon.categories import SYSTEM_KINDS, CategoryTables
from pyxhon.policy.patterns import plain_path
from pyxhon.policy.touched import Touched

if TYPE_CHECKING:
    from pyxhon.join import Behaviour

RUN: Final = "run"
"""The key of what is run, among those of what is touched."""
_ARGUMENTS: Final = ("args", "argv")  # of events and system calls that run a program
_SHELL: Final = re.compile(r"(?:ba|da|z|k|c|tc|fi|a)?sh")
_INTERPRETER: Final = re.compile(
    r"python[0-9.]*t?|pypy[0-9.]*|perl[0-9.]*|ruby[0-9.]*|node|php[0-9.]*|lua[0-9.]*|awk|env|sudo|nohup|setsid|nice|time|"
    r"timeout|xargs|busybox|exec|command|ld-linux.*|ld\.so.*|ld-musl.*"
)
_BETWEEN: Final = re.compile(r"[;&|`()\n]+")  # commands of a shell
_QUOTES: Final = str.maketrans("", "", "'\"\\")
_MOST_CHARACTERS: Final = 4096
_MOST_WORDS: Final = 64
_DEEPEST: Final = 4


def find_run(behaviour: "Behaviour", tables: CategoryTables, directory: str | None) -> Iterator[Touched]:
    """Give the programs that an act runs, those that are named by a path."""
    if behaviour.kind == "audit":
        resources = tables.resources_of_event(behaviour.name)
    elif behaviour.kind in SYSTEM_KINDS:
        entry = tables.find_system_call(behaviour.kind, behaviour.name)
        resources = entry.resources if entry else ()
    else:
        return
    names = [resource.argument for resource in resources if resource.kind == "command"]
    if not names:
        return
    arguments = behaviour.arguments
    folder = arguments.get("cwd")
    base = folder if isinstance(folder, str) and folder.startswith("/") else directory
    given = [list(all_texts(arguments.get(name))) for name in (*names, *_ARGUMENTS)]
    if behaviour.name == "os.system":
        words = [word for texts in given for text in texts for word in _read_commands(text, 0)]
    else:
        words = [word for texts in given for word in _read_words(texts, 0)]
    for word in list(dict.fromkeys(words))[:_MOST_WORDS]:
        if "/" in word:
            plain = plain_path(word, base)
            yield Touched((RUN,), word, plain, "" if plain else "the path is relative, and to what is not known")


def all_texts(value: object) -> Iterator[str]:
    """Give the texts that an argument is or holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, str))


def _read_words(words: Sequence[str], depth: int) -> Iterator[str]:
    """Give the program of a command, and where it runs another, that one."""
    for number, word in enumerate(words[:_MOST_WORDS]):
        if word.startswith("-") or "=" in word.partition("/")[0]:
            continue  # an option, or a variable
        yield word
        name = posixpath.basename(word)
        if _SHELL.fullmatch(name) and depth < _DEEPEST:
            rest = words[number + 1 :]
            at = next((at for at, each in enumerate(rest) if re.fullmatch(r"-[a-zA-Z]*c", each)), None)
            if at is not None:
                for text in rest[at + 1 : at + 2]:
                    yield from _read_commands(text, depth + 1)
                return  # without -c it is a script that comes next
        elif not _INTERPRETER.fullmatch(name):
            return


def _read_commands(text: str, depth: int) -> Iterator[str]:
    """Give the programs of what a shell is told, as far as its words show them."""
    for command in _BETWEEN.split(text[:_MOST_CHARACTERS]):
        yield from _read_words(command.translate(_QUOTES).split(), depth)
