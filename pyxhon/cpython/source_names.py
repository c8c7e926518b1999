"""Qualified names of functions and classes by their place in the source: up to 3.10 code objects do not have them.

The source is hostile: it is not parsed as CPython would, which can exhaust the stack, but gone through once, line by
line, knowing only strings, brackets, comments and indentation (Doc/reference/lexical_analysis.rst, 3.8 to 3.10).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SIGNS = re.compile(r"""\\(?:.|\n)|\"\"\"|'''|["'#\n()\[\]{}]""")
_HEADER = re.compile(r"(?:(class)|(?:async[ \t]+)?def)[ \t]+(\w+)")
_NAME = re.compile(r"\w+")
_INDENTATION = re.compile(r"[ \t\f]*")
_TAB = 8
_DEEPEST = 100  # as CPython's tokenizer
_LONGEST_NAME = 1000


@dataclass(frozen=True, slots=True)
class _Scope:
    indentation: int
    qualified_name: str
    is_class: bool
    global_names: set[str] = field(default_factory=set)

    def name(self, inner: str) -> str:
        """Give the qualified name of what is made here (compiler_set_qualname in Python/compile.c)."""
        if inner in self.global_names:
            return inner
        return f"{self.qualified_name}{'' if self.is_class else '.<locals>'}.{inner}"


def read_qualified_names(source: str) -> dict[tuple[int, str], str]:
    """Give qualified names by first line (of the decorators, where there are some) and name, as code objects have it.

    Lambdas and comprehensions are left out.
    """
    found: dict[tuple[int, str], str] = {}
    scopes: list[_Scope] = []
    decorated: int | None = None
    for line, text in _logical_lines(source):
        blanks = _INDENTATION.match(text)
        content = text[blanks.end() :] if blanks else text
        if not content or content.startswith("#"):
            continue
        if content.startswith("@"):
            decorated = decorated or line
            continue
        indentation = len(text[: len(text) - len(content)].rpartition("\f")[2].expandtabs(_TAB))
        while scopes and scopes[-1].indentation >= indentation:
            scopes.pop()
        if scopes and content.startswith("global "):
            scopes[-1].global_names.update(_NAME.findall(content))
        header = _HEADER.match(content)
        if header and len(scopes) < _DEEPEST:
            name = scopes[-1].name(header[2]) if scopes else header[2]
            if len(name) <= _LONGEST_NAME:
                found[decorated or line, header[2]] = name
            scopes.append(_Scope(indentation, name[:_LONGEST_NAME], header[1] is not None))
        decorated = None
    return found


def _logical_lines(source: str) -> Iterator[tuple[int, str]]:
    """Give the first line of each statement with its number; what follows in brackets or a long string is its own."""
    start, line, number, depth = 0, 1, 1, 0
    quote = ""  # what ends the string or comment that is open
    for sign in _SIGNS.finditer(source):
        text = "\n" if quote == "#" and sign[0] == "\\\n" else sign[0]  # a comment is not continued
        number += text.count("\n")
        if quote and text != "\n":
            is_end = text in {quote, quote * 3}  # thrice where once is enough: it ends, and an empty one follows
            quote = "" if is_end and quote != "#" else quote
        elif text in {"#", '"', "'", '"""', "'''"}:
            quote = text
        elif text in {"(", "[", "{"}:
            depth += 1
        elif text in {")", "]", "}"}:
            depth = max(depth - 1, 0)
        elif text == "\n" and len(quote) < len("'''"):
            quote = ""
            if depth == 0:
                yield line, source[start : sign.start()].partition("\n")[0]
                start, line = sign.end(), number
    yield line, source[start:].partition("\n")[0]
