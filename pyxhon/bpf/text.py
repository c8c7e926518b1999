"""The content of a str object as the probes copy it."""

from typing import Final

ENCODINGS: Final = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}  # by bytes a code point


def decode_text(content: bytes, width: int) -> str:
    """Give the text of so many bytes a code point, a key of ENCODINGS."""
    try:
        return content.decode(ENCODINGS[width], "surrogatepass")
    except UnicodeDecodeError:  # no str that Python makes; the act it comes with happened all the same
        return content.decode(ENCODINGS[width], "replace")
