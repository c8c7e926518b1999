"""C functions that the user or a policy names: found in the files that define them, and probed there."""

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyxhon import controls
from pyxhon.bpf.attach import Probes
from pyxhon.controls import ABSENT, MAX_SITES, SelfKind
from pyxhon.cpython.extension_files import Start, find_extension_files, list_package_files, module_name
from pyxhon.cpython.machine_code import Code, index_code
from pyxhon.cpython.methods import METH_CLASS, METH_STATIC, Method, find_methods, is_extension_module
from pyxhon.cpython.placement import place_at_entry
from pyxhon.cpython.site import Site
from pyxhon.errors import FunctionNameError, KernelError, PyxhonError
from pyxhon.function_names import Match, nearest, public_name, resolve, spellings
from pyxhon.python_functions import PythonPattern, suggest_python_name
from pyxhon.target.elf import ElfImage, open_image

INTERPRETER_SIGNAL: Final = "uprobe PyMethodDef"
EXTENSION_SIGNAL: Final = "uprobe PyMethodDef of an extension module"
_logger = logging.getLogger(__name__)
_MOST_PER_PATTERN: Final = 64
_MOST_SAME: Final = 8  # functions of one name in one file
_MOST_SITES: Final = MAX_SITES // 2  # the target chooses what its files hold: interpreters need theirs
_MOST_FILES: Final = 4096
_COUNTS: Final = 3  # values that come before the arguments
_MOST_POSITIONAL: Final = 10  # MAX_POSITIONAL of probes/methods.bpf.h
_SHOWN_WHOLE: Final = frozenset({"str", "bytes", "int", "float"})
_SOCKET: Final = "_socket.socket"
_ARGUMENTS: Final = {
    "method_noargs": ("rdi",),
    "method_o": ("rdi", "rsi"),
    "method_varargs": ("rdi", "rsi"),
    "method_keywords": ("rdi", "rsi", "rdx"),
    "method_fastcall": ("rdi", "rsi", "rdx"),
    "method_fastcall_keywords": ("rdi", "rsi", "rdx", "rcx"),
    "method_method": ("rdi", "rsi", "rdx", "rcx", "r8"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be probed. `names` are the user's and must exist; a policy's need not.

    `is_pattern_of` tells whether a name is one that the policy's patterns with wildcards mean. `python` and
    `policy_python` are Python functions, all others C functions; only by those is a Wanted true.
    """

    names: tuple[str, ...] = ()
    policy_names: tuple[str, ...] = ()
    policy_patterns: tuple[str, ...] = ()
    is_pattern_of: Callable[[str, str], bool] = lambda _pattern, _name: False
    python: tuple[PythonPattern, ...] = ()
    policy_python: tuple[PythonPattern, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names or self.policy_names or self.policy_patterns)

    @property
    def python_patterns(self) -> tuple[PythonPattern, ...]:
        """All Python functions, each once."""
        return tuple(dict.fromkeys((*self.python, *self.policy_python)))


@dataclass(frozen=True, slots=True)
class FunctionSite:
    """A probed function: the name that its calls go by, and what is told of its first argument."""

    name: str
    self_kind: SelfKind
    type: str | None


@dataclass(slots=True)
class _File:
    """A file that was searched; `by_name` holds what it defines under each full name."""

    path: str
    layout: int
    by_name: dict[str, list[Method]] = field(default_factory=dict)


class Functions:
    """The C functions to be probed in this run.

    Files given before `settle` are searched together, so that a name means the function that fits best of all;
    those given later are probed as they come.
    """

    def __init__(self, probes: Probes, wanted: Wanted, site_signals: dict[int, str]) -> None:
        self._probes = probes
        self.wanted = wanted
        self._site_signals = site_signals
        self.sites: dict[int, FunctionSite] = {}
        self._files: dict[tuple[int, int], _File] = {}
        self._chosen: dict[str, str] = {}  # full name in a file -> name that its calls go by
        self._fits: dict[str, Match] = {}  # how well the functions chosen for a name fit it
        self.placed: dict[int, list[Site]] = {}  # by the interpreter's layout
        self.refused = 0  # files with functions wanted that could not be probed, or not all of them
        self._is_settled = False

    def install(self, path: str, layout: int | None = None, name: str = "") -> int:
        """Search a file for the functions wanted, an interpreter's with its layout; gives how many were probed now.

        `name` is the file's own path where `path` is only a way to open it. A file that cannot be read is left out
        with a line in the log.
        """
        if not self.wanted or len(self._files) >= _MOST_FILES:
            return 0
        try:
            facts = os.stat(path)  # noqa: PTH116 - thousands of files, by descriptor
            key = (facts.st_dev, facts.st_ino)
            if key in self._files:
                return 0
            with open_image(path) as image:
                self._files[key] = file = self._search(path, image, layout, name or path)
                return self._probe(file, image) if self._is_settled else 0
        except KernelError as error:
            self.refused += 1
            _logger.warning("C functions of %s are not probed: %s", name or path, error)
        except (PyxhonError, OSError) as error:
            _logger.info("no functions of %s: %s", path, error)
        return 0

    def install_loadable(self, start: Start) -> None:
        """Search the extension modules that the names wanted speak of, though nobody has loaded them yet."""
        starts = (_literal_start(pattern) for pattern in self.wanted.policy_patterns)
        for asked in (*self.wanted.names, *self.wanted.policy_names, *starts):
            for name in spellings(asked):
                for path in find_extension_files(name, start):
                    self.install(path)
            if "." in asked and not self._is_known(asked):
                for path in list_package_files(asked, start):
                    self.install(path)

    def _is_known(self, asked: str) -> bool:
        """Tell whether a file searched so far has a function of this very name."""
        found = (resolve(asked, file.by_name) for file in self._files.values())
        return asked in self._fits or any(each.match >= Match.KNOWN_END for each in found)

    def settle(self) -> None:
        """Decide what each name means and probe it.

        Raises FunctionNameError for the user's names that mean nothing, KernelError where a probe is refused.
        """
        known = list(dict.fromkeys(name for file in self._files.values() for name in file.by_name))
        if not known and self.wanted.names:  # no interpreter is known yet: what comes is searched, without delay
            self._probes.load_methods()
        for asked in self.wanted.names if known else ():
            self._choose(asked, known)
        self._is_settled = True
        for file in self._files.values():
            if file.by_name:
                with open_image(file.path) as image:
                    self._probe(file, image)
            file.by_name = {}

    def never_found(self) -> tuple[str, ...]:
        """Give the user's names that no file seen had a function for."""
        return tuple(name for name in self.wanted.names if name not in self._fits)

    def describe(self) -> str:
        """Give the report's words on what covers calls."""
        names = sorted({site.name for site in self.sites.values()})
        missing = self.never_found() if self._is_settled else ()
        if not names and not missing:
            return "off"
        shown = ", ".join(names[:_MOST_PER_PATTERN]) + (", …" if len(names) > _MOST_PER_PATTERN else "")
        return f"uprobe PyMethodDef: {shown or 'none'}" + (f"; not found: {', '.join(missing)}" if missing else "")

    def _search(self, path: str, image: ElfImage, layout: int | None, name: str) -> _File:
        is_module = layout is None and is_extension_module(image)
        file = _File(path, ABSENT if layout is None else layout)
        for method in find_methods(image, module_name(name) if is_module else None):
            for full_name in method.full_names if method.function is not None else ():
                file.by_name.setdefault(full_name, []).append(method)
        return file

    def _choose(self, asked: str, known: list[str]) -> None:
        found = resolve(asked, known)
        if found.match is Match.NONE:
            raise FunctionNameError(
                f"--function {asked}: no such C function in the interpreter or its modules",
                _suggest(asked, nearest(asked, known)),
            )
        names = {public_name(name) for name in found.names}
        if found.match < Match.KNOWN_END and len(names) > 1:
            raise FunctionNameError(f"--function {asked} is ambiguous", f"it may be {', '.join(sorted(names)[:16])}")
        self._fits[asked] = found.match
        for name in found.names:
            self._name(name, asked if found.match >= Match.KNOWN_END else public_name(name))

    def _name(self, known: str, asked: str) -> None:
        """Let calls go by the name that was asked for; the longest where there are several."""
        self._chosen[known] = max(asked, self._chosen.get(known, ""), key=len)

    def _probe(self, file: _File, image: ElfImage) -> int:
        """Probe what is wanted of a file."""
        self._choose_in(file)
        chosen = [name for name in file.by_name if name in self._chosen]
        if not chosen:
            return 0
        code, done = index_code(image), set()
        for name in chosen:
            for method in file.by_name[name][:_MOST_SAME]:
                if method.function not in done:
                    done.add(method.function)
                    self._add_site(file, code, name, method)
        return len(done)

    def _choose_in(self, file: _File) -> None:
        """Choose what names mean in one file; the user's stay what they were once they mean something."""
        known = list(file.by_name)
        for asked in (*self.wanted.names, *self.wanted.policy_names):
            found = resolve(asked, known)
            if found.match >= max(self._fits.get(asked, Match.NONE), Match.KNOWN_END):
                self._fits[asked] = found.match
                for name in found.names:
                    self._name(name, asked)
        for pattern in self.wanted.policy_patterns:
            meant = [name for name in known if any(self.wanted.is_pattern_of(pattern, s) for s in spellings(name))]
            if len(meant) > _MOST_PER_PATTERN:
                _logger.warning("%s means more than %d functions of %s: no calls are probed for it", pattern,
                                _MOST_PER_PATTERN, file.path)  # fmt: skip
                continue
            for name in meant:
                self._chosen.setdefault(name, public_name(name))

    def _add_site(self, file: _File, code: Code, name: str, method: Method) -> None:
        assert method.function is not None  # noqa: S101 - those in other files are left out when searching
        if len(self.sites) >= _MOST_SITES:
            raise KernelError(f"more than {_MOST_SITES} C functions in one run", "name fewer")
        place = place_at_entry(code, method.function, _ARGUMENTS[method.convention])
        offset = code.image.file_offset(place.address)
        if offset is None:
            return
        kind = _self_kind(method)
        site = controls.Site(
            address=place.address,
            layout=file.layout,
            kind=controls.SiteKind[method.convention.upper()],
            stack_adjust=place.stack_adjust,
            result_register=0,
            flags=kind,
            opcode=0,
        )
        index = self._probes.add_site(file.path, offset, site)
        placed = Site(method.convention, method.function, place.address, place.stack_adjust, place.is_emulated)
        self.placed.setdefault(file.layout, []).append(placed)
        owner = next((owner for owner in method.owners if f"{owner}.{method.name}" == name), None)
        shown = self._chosen[name].replace(":", ".")  # only Python functions have a colon, whatever a file says
        self.sites[index] = FunctionSite(shown, kind, public_name(owner) if owner else None)
        self._site_signals[index] = EXTENSION_SIGNAL if file.layout == ABSENT else INTERPRETER_SIGNAL


def _suggest(asked: str, near: Sequence[str]) -> str:
    """Give what may have been meant by a name that no C function has."""
    python = suggest_python_name(asked)
    if near:
        return f"did you mean {', '.join(near)}?" + (f" a Python function is written {python}" if python else "")
    return f"a Python function is written {python or 'MODULE:QUALNAME'}, a C function as in socket.socket.send"


def _literal_start(pattern: str) -> str:
    """Give what stands before the first wildcard: as far as it goes, the module is known."""
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0]


def _self_kind(method: Method) -> SelfKind:
    if method.is_of_module or method.flags & METH_STATIC:
        return SelfKind.NOTHING
    if method.flags & METH_CLASS:
        return SelfKind.CLASS
    if _SHOWN_WHOLE.issuperset(method.owners) and method.owners:
        return SelfKind.VALUE
    return SelfKind.SOCKET if method.owners == (_SOCKET,) else SelfKind.INSTANCE


def describe_call(site: FunctionSite, values: list[object]) -> dict[str, object]:
    """Give the arguments of a call by what the probe sent: self, two counts, the first values, names and values."""
    first, given, _, *rest = values if len(values) >= _COUNTS else (None, 0, 0)
    count = min(given, _MOST_POSITIONAL) if isinstance(given, int) else 0
    named = zip(rest[count::2], rest[count + 1 :: 2], strict=False)
    keywords = {str(name): value for name, value in named if name is not None}  # None: deleted from the dict
    return {"self": _describe_self(site, first), "args": list(rest[:count]), "kwargs": keywords}


def _describe_self(site: FunctionSite, value: object) -> object:
    if site.self_kind is SelfKind.SOCKET:
        descriptor = value - (1 << 32) if isinstance(value, int) and value >> 31 else value
        return {"type": site.type, "fd": descriptor}
    if site.self_kind is SelfKind.CLASS:
        return {"class": value}
    return {"type": value} if site.self_kind is SelfKind.INSTANCE else value
