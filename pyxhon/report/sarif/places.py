"""Where things are, as SARIF tells it: URIs of files, lines, functions, addresses."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

from pyxhon.report.escape import escape, escape_path
from pyxhon.report.model import Location, NativeFrame

SOURCE_ROOT: Final = "SRCROOT"
_PATH_LIMIT: Final = 4096
_TEXT_LIMIT: Final = 200


class Places:
    """Tells places relative to a root, where they are below it."""

    def __init__(self, root: Path) -> None:
        self._root = str(root).rstrip("/") + "/"
        self.root_uri = f"file://{_quote(self._root)}"

    def is_file(self, path: str | None) -> bool:
        """Tell whether a file is meant, not code without one: `<string>`, `anon:7f00`."""
        return bool(path) and path is not None and not path.startswith("<") and _is_clean(path)

    def is_below_root(self, path: str | None) -> bool:
        """Tell whether a file is below the root. A relative one is: older CPythons name a program as it was started."""
        if path is None or not self.is_file(path):
            return False
        return path.startswith(self._root) if path.startswith("/") else ":" not in path

    def artifact(self, path: str) -> dict[str, object]:
        """Give the artifactLocation of a file."""
        if not self.is_below_root(path):
            return {"uri": f"file://{_quote(path if path.startswith('/') else '/' + path)}"}
        return {"uri": _quote(path.removeprefix(self._root)), "uriBaseId": SOURCE_ROOT}

    def location(self, place: Location) -> dict[str, object]:
        """Give the location of a place in Python source; of code without a file its name alone."""
        location: dict[str, object] = {}
        if place.file is not None and self.is_file(place.file):
            physical: dict[str, object] = {"artifactLocation": self.artifact(place.file)}
            if place.line is not None and place.line > 0:
                physical["region"] = {"startLine": place.line}
            location["physicalLocation"] = physical
        function = escape(place.function, _TEXT_LIMIT) if place.function else None
        if not location:
            file = escape_path(place.file, _TEXT_LIMIT) if place.file else "?"
            line = "?" if place.line is None else place.line
            qualified = f"{file}:{line}" + (f" {function}" if function else "")
            location["logicalLocations"] = [{"name": function or file, "fullyQualifiedName": qualified}]
        elif function:
            location["logicalLocations"] = [{"name": function, "kind": "function"}]
        return location

    def native(self, frame: NativeFrame) -> dict[str, object]:
        """Give the stack frame of a native frame."""
        address: dict[str, object] = {"relativeAddress": frame.offset}
        if frame.symbol:
            address["name"] = escape(frame.symbol, _TEXT_LIMIT)
        physical: dict[str, object] = {"address": address}
        if frame.object.startswith("/") and self.is_file(frame.object):
            physical["artifactLocation"] = self.artifact(frame.object)
        return {
            "module": escape_path(frame.object, _TEXT_LIMIT),
            "location": {"physicalLocation": physical},
        }


def make_inert(text: str) -> str:
    """Take their meaning from the characters that SARIF gives one in messages: links and placeholders (3.11)."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("{", "{{").replace("}", "}}")


def _is_clean(path: str) -> bool:
    """Tell whether a path leads where it seems to: one with `..` in it is told as text only."""
    return len(path) <= _PATH_LIMIT and ".." not in path.split("/")


def _quote(path: str) -> str:
    try:
        data = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        data = path.encode("utf-8", "backslashreplace")
    return quote(data, safe="/")
