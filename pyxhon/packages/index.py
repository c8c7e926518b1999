"""The answer to "whose file is this": installed distributions, editable projects, zip files, the standard library.

No sys.path is needed: the directory of installed distributions is found from the asked path itself. Directories are
scanned when a file below them is asked for, once; again when a file in them has no owner and something was installed
meanwhile.
"""

import base64
import posixpath

from pyxhon.packages import metadata, names
from pyxhon.packages.archive import Archive, read_archive
from pyxhon.packages.contents import hash_file, is_elf
from pyxhon.packages.databases import read_conda, read_dpkg
from pyxhon.packages.editable import EditableRoot, module_root, nearest_root, read_editables
from pyxhon.packages.files import InstalledFile, recorded_files
from pyxhon.packages.installed import Distribution, Entry, Installed, metadata_names
from pyxhon.packages.owner import (
    AS_RECORDED,
    CHANGED,
    DISTRIBUTION,
    NOT_RECORDED,
    UNKNOWN,
    FileOwner,
    application,
    dll,
    standard_library,
)
from pyxhon.packages.places import Places, named_directory
from pyxhon.target.root import TargetRoot

_HASH_BUDGET_BYTES = 1 << 28
_MAX_CACHED_ANSWERS = 100_000
_MAX_CACHED_ARCHIVES = 64
_MAX_TAIL = 12


class PackageIndex:
    """Finds the owner of files of one root; keeps what it has read.

    `search_paths` are entries of the target's sys.path, as far as they are known: editable installs are recorded there
    and modules are named from there. Directories of distributions are added as files in them are asked for.
    """

    def __init__(self, root: TargetRoot, search_paths: list[str]) -> None:
        self._root = root
        self._places = Places(root)
        self._search_paths: list[str] = []
        self._editables: list[EditableRoot] = []
        self._answers: dict[tuple[str, str | None], FileOwner] = {}
        self._archives: dict[str, Archive | None] = {}
        self._conda: dict[str, dict[str, tuple[str, str | None]]] = {}
        self._dpkg: dict[str, tuple[str, str | None]] | None = None
        self._hashes: dict[str, str] = {}
        self._hash_budget = _HASH_BUDGET_BYTES
        self.add_search_paths(search_paths)

    def add_search_paths(self, search_paths: list[str]) -> None:
        """Take up further entries of the target's sys.path."""
        for written in search_paths:
            path = metadata.absolute_path(written)
            if not path or path in self._search_paths:
                continue
            self._search_paths.append(path)
            listing = self._places.listing(path)
            if metadata_names(listing) or any(name.endswith(".egg-link") for name in listing):
                self._editables.extend(read_editables(self._root, path, listing))
            self._answers.clear()

    def owner_of(self, path: str, working_directory: str | None = None) -> FileOwner:
        """Find the owner of a code object's file or a DLL; a relative path is seen from the working directory."""
        key = (path, None if path.startswith("/") else working_directory)
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) >= _MAX_CACHED_ANSWERS:
                self._answers.clear()
            answer = self._answers[key] = self._find(path, working_directory)
        return answer

    def check_file(self, path: str, sha256: str) -> tuple[FileOwner, str | None]:
        """Find the owner of an absolute path whose hash (hexadecimal) is known, and compare it with what was recorded.

        Gives "as recorded", "changed since installation" or "not in RECORD"; None where no hash was recorded.
        """
        spellings = {path, self._root.resolve(path)}
        digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()
        self._hashes.update(dict.fromkeys(spellings, digest))
        self._answers.pop((path, None), None)
        owner = self.owner_of(path)
        differs = (owner.detail or {}).get("record")
        is_recorded = any(self._has_recorded_hash(spelling) for spelling in spellings)
        return owner, str(differs) if differs else AS_RECORDED if is_recorded else None

    def files_of(self, path: str) -> list[InstalledFile] | None:
        """Give the code that the distribution of a file installed; None where no record lists that."""
        for spelling in dict.fromkeys((path, self._root.resolve(path))):
            for place in self._places.around(spelling):
                if found := place.entry_of(spelling):
                    distribution = place.distributions[found[1].distribution]
                    return recorded_files(place, distribution) if distribution in place.listed else None
        return None

    def _has_recorded_hash(self, path: str) -> bool:
        entries = (found[1] for place in self._places.around(path) if (found := place.entry_of(path)))
        return any(claim.sha256 for entry in entries for claim in (entry, *entry.others))

    def _find(self, path: str, working_directory: str | None) -> FileOwner:
        if names.is_pseudo(path):
            module = names.frozen_module(path)
            return standard_library(module) if module else application(None, {"generated": True})
        if names.is_kernel_name(path):
            return dll(path)
        absolute = self._absolute(path, working_directory)
        if absolute is None:
            return dll(path) if names.is_dll_name(path) else application(None, {"generated": True})
        source = names.source_of(absolute)
        if named := named_directory(source):
            self.add_search_paths([named])  # it may also record projects that are installed in place
        is_there = any(self._root.is_file(each) for each in (absolute, source, source + "c"))
        if not is_there and (archived := self._archived_owner(source)):
            return archived
        owner = self._owner_in_any_spelling(source)
        if owner is None and is_there and self._places.rescan(source):
            owner = self._owner_in_any_spelling(source)
        if owner is None:
            return self._other_owner(source) if is_there else self._absent_owner(source)
        return owner if is_there or owner.is_vouched_for else owner.with_detail("generated", value=True)

    def _absolute(self, path: str, working_directory: str | None) -> str | None:
        """Give the absolute path of what a code object names; a relative one may also be below a search path."""
        absolute = metadata.absolute_path(posixpath.join(working_directory or "", path))
        if path.startswith("/") or (absolute and self._root.is_file(absolute)):
            return absolute
        below = (metadata.absolute_path(posixpath.join(each, path)) for each in self._search_paths)
        return next((each for each in below if each and self._root.is_file(each)), absolute)

    # --- what installers recorded

    def _owner_in_any_spelling(self, path: str) -> FileOwner | None:
        """Try the path as written, then with its symbolic links followed."""
        owner = self._installed_owner(path)
        if owner is None:
            resolved = self._root.resolve(path)
            owner = self._installed_owner(resolved) if resolved and resolved != path else None
        return owner

    def _installed_owner(self, path: str) -> FileOwner | None:
        places = self._places.around(path)
        # The outermost record wins: a copy that setuptools carries has metadata of its own.
        for place in places:
            if found := place.entry_of(path):
                return self._recorded_owner(place, *found)
        if egg := self._egg_owner(path):
            return egg
        if named_directory(path) is None:
            owner = self._standard_library_owner(path) or self._editable_owner(path)
            if owner:
                return owner
        for place in reversed(places):
            if distribution := place.directory_owner(path):
                return self._unrecorded_owner(place, path, distribution)
        return None

    def _recorded_owner(self, place: Installed, relative: str, entry: Entry) -> FileOwner:
        claims = [entry, *entry.others]
        detail: dict[str, object] = {}
        if any(claim.sha256 for claim in claims):
            digest = self._hash(posixpath.normpath(posixpath.join(place.directory, relative)))
            claims.sort(key=lambda claim: claim.sha256 != digest)
            if digest is None:
                detail["record"] = "not checked: absent or too large"
            elif claims[0].sha256 not in {"", digest}:
                detail["record"] = CHANGED
        distribution = place.distributions[claims[0].distribution]
        return self._distribution_owner(distribution, relative, detail)

    def _unrecorded_owner(self, place: Installed, path: str, distribution: Distribution) -> FileOwner:
        detail: dict[str, object] = {}
        if distribution in place.listed:
            detail["record"] = NOT_RECORDED
            if names.is_dll_name(path):
                # Python files may be made at run time; native code that nobody recorded answers for itself.
                return dll(path, detail)
        return self._distribution_owner(distribution, names.relative_to(path, place.directory) or path, detail)

    def _distribution_owner(self, distribution: Distribution, relative: str, detail: dict[str, object]) -> FileOwner:
        if vendored := names.vendored_name(relative):
            detail["vendored"] = vendored
        name, version = self._places.identity(distribution)
        return FileOwner(DISTRIBUTION, name, version, names.module_of(relative), detail or None)

    def _egg_owner(self, path: str) -> FileOwner | None:
        for directory in names.ancestors(path):
            information = posixpath.join(directory, "EGG-INFO")
            if directory.endswith(".egg") and self._root.is_file(posixpath.join(information, "PKG-INFO")):
                relative = names.relative_to(path, directory) or ""
                return self._distribution_owner(Distribution(information, ""), relative, {})
        return None

    def _editable_owner(self, path: str) -> FileOwner | None:
        found = nearest_root(self._editables, path)
        if found is None:
            return None
        named = module_root(self._editables, path)
        below = names.module_of(names.relative_to(path, named.directory) or "") if named else None
        module = self._application_module(path)
        if named:
            module = ".".join(part for part in (named.module, below) if part) or None
        name, version = self._places.identity(found.distribution)
        return FileOwner(DISTRIBUTION, name, version, module, {"editable": found.directory})

    def _standard_library_owner(self, path: str) -> FileOwner | None:
        directory = self._places.standard_library(path)
        if directory is None:
            return None
        relative = names.relative_to(path, directory) or ""
        return standard_library(names.module_of(relative.removeprefix("lib-dynload/")))

    def _hash(self, path: str) -> str | None:
        if known := self._hashes.get(path):
            return known
        digest, size = hash_file(self._root, path) if self._hash_budget > 0 else (None, 0)
        self._hash_budget -= size
        return digest

    # --- everything else

    def _archived_owner(self, path: str) -> FileOwner | None:
        """Find the owner of a path that goes through a zip file."""
        file = next((each for each in reversed(names.ancestors(path)) if self._root.exists(each)), "/")
        archive = self._archive(file) if self._root.is_file(file) else None
        if archive is None:
            return None
        member = names.relative_to(path, file) or ""
        detail: dict[str, object] = {"archive": file}
        if not archive.has(member):
            detail["generated"] = True
        if names.is_standard_library_archive(file) and archive.has("os.py"):
            return standard_library(names.module_of(member), detail)
        if found := archive.distribution_of(member):
            if vendored := names.vendored_name(member):
                detail["vendored"] = vendored
            module = names.module_of(posixpath.relpath(member, found.prefix or "."))
            return FileOwner(DISTRIBUTION, found.name, found.version, module, detail)
        holder = self._owner_in_any_spelling(file)
        if holder and holder.origin == DISTRIBUTION:
            return FileOwner(DISTRIBUTION, holder.package, holder.version, names.module_of(member), detail)
        return application(names.module_of(member), detail)

    def _archive(self, path: str) -> Archive | None:
        if path not in self._archives:
            if len(self._archives) >= _MAX_CACHED_ARCHIVES:
                self._archives.clear()
            self._archives[path] = read_archive(self._root, path)
        return self._archives[path]

    def _other_owner(self, path: str) -> FileOwner:
        """Decide for a file that is there and that no Python metadata explains."""
        if owner := self._database_owner(path):
            return owner
        if names.is_interpreter_name(path) and is_elf(self._root, path):
            return standard_library(None)
        if names.is_dll_name(path) or (not path.endswith((".py", ".pyc")) and is_elf(self._root, path)):
            return dll(path)
        if named_directory(path):
            reason = "among installed distributions, but none of them recorded it"
            return FileOwner(UNKNOWN, UNKNOWN, None, self._application_module(path), {"reason": reason})
        return application(self._application_module(path))

    def _database_owner(self, path: str) -> FileOwner | None:
        named = named_directory(path)
        if named and posixpath.basename(named) == "dist-packages":
            if self._dpkg is None:
                self._dpkg = read_dpkg(self._root)
            package, described = self._dpkg.get(path, (None, None))
            if package:
                name, version = self._places.identity(Distribution(described, "")) if described else (package, None)
                module = names.module_of(names.relative_to(path, named) or "")
                return FileOwner(DISTRIBUTION, name, version, module, {"installer": f"debian {package}"})
        for directory in names.ancestors(path):
            if "conda-meta" not in self._places.listing(directory):
                continue
            if directory not in self._conda:
                self._conda[directory] = read_conda(self._root, directory)
            if found := self._conda[directory].get(names.relative_to(path, directory) or ""):
                return FileOwner(DISTRIBUTION, *found, None, {"installer": f"conda {found[0]}"})
        return None

    def _absent_owner(self, path: str) -> FileOwner:
        """Decide for a path where no file is: a .pyc compiled elsewhere, or code made at run time."""
        if names.is_dll_name(path):
            return dll(path)
        parts = path.strip("/").split("/")
        tails = ["/".join(parts[start:]) for start in range(max(0, len(parts) - _MAX_TAIL), len(parts) - 1)]
        for directory in self._search_paths:
            place = self._places.installed_in(directory)
            for tail in tails if place else ():
                compiled = tail + "c"
                if place and tail.endswith(".py") and (entry := place.files.get(compiled)):
                    owner = self._recorded_owner(place, compiled, entry)
                    return owner.with_detail("compiled_as", path)
        return application(self._application_module(path), {"generated": True})

    def _application_module(self, path: str) -> str | None:
        """Name a module from the longest search path above it, else from the outermost package around it."""
        roots = [root for root in self._search_paths if names.relative_to(path, root)]
        directory = max(roots, key=len, default=None)
        if directory is None:
            directory = posixpath.dirname(path)
            while directory != "/" and self._root.is_file(posixpath.join(directory, "__init__.py")):
                directory = posixpath.dirname(directory)
        return names.module_of(names.relative_to(path, directory) or "")
