"""Text from a target made safe to show: nothing in it can steer a terminal or hide from a reader.

A shown text is printable, on one line and bounded. Backslashes are doubled, so that no target can fake
an escape: the original can be told from what is shown unless it was cut.
"""

import unicodedata
from typing import Final

TEXT_LIMIT: Final = 400

_SHORT: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Control, format (bidi marks, zero-width, tags), surrogate, private, unassigned, line and paragraph separators.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Invisible although Unicode calls them letters, marks or blanks (Default_Ignorable_Code_Point and look-alikes).
_INVISIBLE: Final = frozenset(
    (
        0x034F,
        0x115F,
        0x1160,
        0x17B4,
        0x17B5,
        0x2800,
        0x3164,
        0xFFA0,
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    )
)


def escape(text: str, limit: int = TEXT_LIMIT) -> str:
    """Show a target's text on one line, in at most `limit` characters, its size told when cut."""
    # The widest escape has ten characters; what lies beyond `limit` of the original is never shown.
    pieces = [_escape_character(character) for character in text[: limit + 1]]
    if len(text) <= limit and sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    return _cut(pieces, text, limit)


def escape_path(path: str, limit: int = TEXT_LIMIT) -> str:
    """Show a path in at most `limit` characters; when cut, its end is kept, for that tells files apart."""
    pieces = [_escape_character(character) for character in path[-limit - 1 :]]
    if len(path) <= limit and sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    room = limit - 1
    kept: list[str] = []
    for piece in reversed(pieces):
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "…" + "".join(reversed(kept))


def _escape_character(character: str) -> str:
    short = _SHORT.get(character)
    if short is not None:
        return short
    if character.isascii() and character.isprintable():
        return character
    code = ord(character)
    category = unicodedata.category(character)
    if category not in _UNSAFE and code not in _INVISIBLE and (category != "Zs" or code == ord(" ")):
        return character
    if code <= 0xFF:  # noqa: PLR2004  # Python's own forms: \xNN, \uNNNN, \UNNNNNNNN
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  # as above


def _cut(pieces: list[str], text: str, limit: int) -> str:
    size = len(text.encode("utf-8", "surrogatepass"))
    ending = f"…({size} bytes)"
    room = limit - len(ending)
    kept: list[str] = []
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + ending
