"""What was read of a distribution's files before, by the content of each."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Final

from pyxhon.cache import prune_cached, read_cached, write_cached

_PREFIX: Final = "abilities-"
_MAX_FILES: Final = 256
_MAX_BYTES: Final = 32 << 20


class Remembered:
    """The answers for one distribution; those that were asked for are kept for the next run."""

    def __init__(self, identity: str, wanted: bytes) -> None:
        key = hashlib.sha256(identity.encode("utf-8", "surrogatepass") + b"\0" + wanted).hexdigest()[:32]
        self._name = f"{_PREFIX}{key}-{_readers_digest()}.json"
        self._known = _load(self._name)
        self._kept: dict[str, object] = {}
        self._is_changed = False

    def recall(self, digest: str) -> object:
        """Give what was answered for a content; None: nothing yet."""
        found = self._known.get(digest)
        if found is not None:
            self._kept[digest] = found
        return found

    def add(self, digest: str, answer: object) -> None:
        """Take up an answer."""
        self._kept[digest] = answer
        self._is_changed = True

    def keep(self) -> None:
        """Write down what is new."""
        if self._is_changed:
            content = json.dumps(self._kept).encode()
            if len(content) <= _MAX_BYTES:
                _make_room()
                write_cached(self._name, content)


def _load(name: str) -> dict[str, object]:
    content = read_cached(name)
    if content is None or len(content) > _MAX_BYTES:
        return {}
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@cache
def _make_room() -> None:
    """Remove old entries, once a run."""
    prune_cached(_PREFIX, _MAX_FILES)


@cache
def _readers_digest() -> str:
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
