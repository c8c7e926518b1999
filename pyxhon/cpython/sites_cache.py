"""Remembers the sites of interpreter files, so that the next run need not derive them.

The key is the file's build ID and a digest of what the loader maps: a file with a borrowed build ID must
not decide where another one is probed.
"""

import hashlib
import json
import logging
import os
import stat
from collections.abc import Callable
from functools import cache
from typing import Any

from pyxhon.cpython.entry_sites import EntrySite, EntrySites
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.machine_code import REGISTERS
from pyxhon.cpython.opcodes import COUNT, ENTRIES
from pyxhon.cpython.site import KINDS, Site
from pyxhon.cpython.sites import Sites, find_sites, library_sites
from pyxhon.target.elf import ElfImage

_MAX_CACHE_BYTES = 1 << 16
_MAX_SITES = 256
_MAX_NOTES = 64
_MAX_TEXT = 400
_MAX_STACK_ADJUST = 1 << 16
_CHUNK_BYTES = 1 << 20
# The modules whose code decides what is found: other code, other cache.
_FINDERS = (
    "machine_code", "placement", "audit_sites", "import_sites", "dispatch_table", "entry_sites", "eval_exits",
    "eval_loop", "made_code", "methods", "opcodes", "pointers", "site", "sites", "sites_cache",
)  # fmt: skip
_ENTRY_KINDS = (
    "entry_eval", *(f"entry_{name.lower()}" for name in ENTRIES), "exit_drop", "exit_yield", "exit_eval",
)  # fmt: skip
_logger = logging.getLogger(__name__)


def find_sites_cached(image: ElfImage, version: tuple[int, ...], layout: Layout | None, directory: str) -> Sites:
    """Give the sites of an interpreter's file from the cache in `directory`, else derive and remember them.

    A cache that cannot be used (not ours alone, hostile content, no space) only costs the time to derive.
    """
    has_key = layout is not None and layout.runtime_tss_key is not None
    return _remember(image, directory, (version[:2], has_key), lambda: find_sites(image, version, layout))


def library_sites_cached(image: ElfImage, directory: str) -> tuple[Site, ...]:
    """Give the sites of the file of a C library or of libffi, likewise."""
    return _remember(image, directory, ("library",), lambda: Sites(library_sites(image), None, {}, (0, 0), ())).sites


def _remember(image: ElfImage, directory: str, told: tuple[object, ...], find: Callable[[], Sites]) -> Sites:
    if not _is_private(directory):
        return find()
    path = os.path.join(directory, f"{image.build_id or 'none'}-{digest_image(image, told)}.json")
    known = _load(path, image)
    if known is not None:
        return known
    sites = find()
    _save(path, sites)
    return sites


def sites_to_json(sites: Sites) -> str:
    """Render sites as one JSON object."""
    content = {
        "sites": [
            [
                site.kind,
                site.function,
                site.address,
                site.stack_adjust,
                site.is_emulated,
                site.result_register,
            ]
            for site in sites.sites
        ],
        "tls_thread_state": sites.tls_thread_state,
        "symbols": sites.symbols,
        "read_only_range": list(sites.read_only_range),
        "notes": list(sites.notes),
        "inner_import_returns": list(sites.inner_import_returns),
        "entries": _render(sites.entries),
        "exits": _render(sites.exits),
    }
    return json.dumps(content)


def _render(entries: EntrySites) -> list[object]:
    rows = [
        [site.kind, site.opcode, site.body, site.address, site.is_emulated, site.is_joined] for site in entries.sites
    ]
    return [rows, list(entries.notes)]


def sites_from_json(text: str | bytes, image: ElfImage) -> Sites | None:
    """Read sites back; None unless every field is of the right type and every address is in the file."""
    try:
        content = json.loads(text)
        start, end = content["read_only_range"]
        thread_state = content["tls_thread_state"]
        sites = tuple(_site(fields, image) for fields in content["sites"][:_MAX_SITES])
        symbols = {str(name): _address(value) for name, value in content["symbols"].items()}
        return Sites(
            sites=sites,
            tls_thread_state=None if thread_state is None else _offset(thread_state),
            symbols=symbols,
            read_only_range=(_address(start), _address(end)),
            notes=tuple(_text(note) for note in content["notes"][:_MAX_NOTES]),
            inner_import_returns=tuple(map(_address, content["inner_import_returns"][:_MAX_SITES])),
            entries=_entries(content["entries"], image),
            exits=_entries(content["exits"], image),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _site(fields: Any, image: ElfImage) -> Site:
    kind, function, address, stack_adjust, is_emulated, register = fields
    if kind not in KINDS or not isinstance(is_emulated, bool):
        raise ValueError(kind)
    if register is not None and register not in REGISTERS:
        raise ValueError(register)
    if not (image.is_code(_address(function)) and image.is_code(_address(address))):
        raise ValueError(address)
    if not 0 <= _address(stack_adjust) <= _MAX_STACK_ADJUST:
        raise ValueError(stack_adjust)
    return Site(kind, function, address, stack_adjust, is_emulated, register)


def _entries(content: Any, image: ElfImage) -> EntrySites:
    rows, notes = content
    sites = tuple(_entry(fields, image) for fields in rows[:_MAX_SITES])
    return EntrySites(sites, tuple(_text(note) for note in notes[:_MAX_NOTES]))


def _entry(fields: Any, image: ElfImage) -> EntrySite:
    kind, opcode, body, address, is_emulated, is_joined = fields
    if kind not in _ENTRY_KINDS or not isinstance(is_emulated, bool) or not isinstance(is_joined, bool):
        raise ValueError(kind)
    if opcode is not None and not 0 < _address(opcode) < COUNT:
        raise ValueError(opcode)
    if not (image.is_code(_address(body)) and image.is_code(_address(address))):
        raise ValueError(address)
    return EntrySite(kind, opcode, body, address, is_emulated, is_joined)


def _address(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(value)
    return value


def _offset(value: Any) -> int:
    if type(value) is not int or abs(value) >= 1 << 31:
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        raise ValueError(value)
    return value


def digest_image(image: ElfImage, told: tuple[object, ...]) -> str:
    """Digest the finders, what they are told, and all that the loader maps of the file."""
    digest = hashlib.sha256(_finders_digest())
    digest.update(repr((*told, image.segments)).encode())
    for segment in image.loads:
        for offset in range(0, segment.file_size, _CHUNK_BYTES):
            size = min(_CHUNK_BYTES, segment.file_size - offset)
            digest.update(image.read_file(segment.offset + offset, size) or b"?")
    return digest.hexdigest()[:40]


@cache
def _finders_digest() -> bytes:
    digest = hashlib.sha256()
    for name in _FINDERS:
        with open(os.path.join(os.path.dirname(__file__), f"{name}.py"), "rb") as file:
            digest.update(file.read())
    return digest.digest()


def _is_private(directory: str) -> bool:
    """Make the directory if need be; tell whether nobody else can write to it."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        status = os.lstat(directory)
    except OSError as error:
        _logger.debug("no cache of sites: %s", error)
        return False
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return is_ours and not status.st_mode & 0o022


def _load(path: str, image: ElfImage) -> Sites | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            text = file.read(_MAX_CACHE_BYTES + 1)
    except OSError:
        return None
    return sites_from_json(text, image) if len(text) <= _MAX_CACHE_BYTES else None


def _save(path: str, sites: Sites) -> None:
    """Write a cache file at once or not at all."""
    fresh = f"{path}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(fresh, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(sites_to_json(sites))
        os.rename(fresh, path)
    except OSError as error:
        _logger.debug("sites are not remembered: %s", error)
