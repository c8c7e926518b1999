"""Captured code objects, and how they differ from what the process itself says of them."""

_FIELDS = (
    "version", "name", "first_line", "flags", "argument_count", "positional_only_count", "keyword_only_count",
    "stack_size", "names", "variables", "cells", "free",
)  # fmt: skip
_BYTES = ("bytecode", "line_table", "exception_table")


def captured(reader):
    """Give the captured contents by file, name, first line and bytecode."""
    hashes = reader.code_hashes()
    found = {}
    for code, row in reader.captured_codes().items():
        content = reader.code_content(hashes[code])
        found.setdefault((row.file, row.qualified_name, row.first_line, content.bytecode.hex()), []).append(content)
    return found


def differences(expected, content):
    """Tell in which fields a captured code object differs from what the process said of it."""
    fields = [name for name in _FIELDS if _shown(name, expected[name]) != _shown(name, getattr(content, name))]
    return fields + [name for name in _BYTES if getattr(content, name).hex() != expected[name]]


def _shown(name, value):
    if name in ("names", "variables", "cells", "free"):
        return [text if text is None else text[:64].rstrip("…") for text in value]
    return value
