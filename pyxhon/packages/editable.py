"""Editable installs: project directories that belong to a distribution without lying in its directory."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.packages import metadata
from pyxhon.packages.installed import Distribution, metadata_names
from pyxhon.packages.names import normalise, relative_to
from pyxhon.target.root import TargetRoot

_MAX_METADATA = 5000


@dataclass(frozen=True, slots=True)
class EditableRoot:
    """A directory whose files belong to a distribution that is installed in place."""

    directory: str
    distribution: Distribution
    module: str | None  # the module that the directory is; "" for a search root; None: not known


def read_editables(root: TargetRoot, directory: str, listing: list[str]) -> list[EditableRoot]:
    """Find the project directories of every editable install recorded in a directory of distributions."""
    found: list[EditableRoot] = []
    names = metadata_names(listing)[:_MAX_METADATA]
    for name in names:
        distribution = _distribution(directory, name)
        path = posixpath.join(distribution.metadata, "direct_url.json")
        data = root.read_file(path, metadata.SMALL_BYTES) if name.endswith(".dist-info") else None
        project = metadata.read_editable_directory(data) if data else None
        if project and project != "/":
            found.append(EditableRoot(project, distribution, None))
            found.extend(_recorded_roots(root, directory, distribution))
    found.extend(_named_roots(root, directory, listing))
    found.extend(_egg_links(root, directory, listing))
    return found


def nearest_root(roots: list[EditableRoot], path: str) -> EditableRoot | None:
    """Find the innermost editable directory above a path; one whose module is known wins over an equal one."""
    above = [each for each in roots if relative_to(path, each.directory) is not None]
    return max(above, key=lambda each: (len(each.directory), each.module is not None), default=None)


def module_root(roots: list[EditableRoot], path: str) -> EditableRoot | None:
    """Find the innermost editable directory above a path that tells module names."""
    return nearest_root([each for each in roots if each.module is not None], path)


def _distribution(directory: str, name: str) -> Distribution:
    return Distribution(posixpath.join(directory, name), normalise(metadata.identity_of_file_name(name)[0]))


def _recorded_roots(root: TargetRoot, directory: str, distribution: Distribution) -> Iterator[EditableRoot]:
    """Yield the directories named by the .pth files and import hooks in the distribution's RECORD."""
    data = root.read_file(posixpath.join(distribution.metadata, "RECORD"), metadata.SMALL_BYTES)
    for path, _ in metadata.read_record(data or b""):
        if "/" not in path:
            yield from _roots_of_file(root, posixpath.join(directory, path), distribution)


def _named_roots(root: TargetRoot, directory: str, listing: list[str]) -> Iterator[EditableRoot]:
    """Yield the directories of `__editable__.NAME-VERSION.pth` files, for installers that write no direct_url.json."""
    for name in listing:
        if name.startswith("__editable__.") and name.endswith(".pth"):
            stem = name.removeprefix("__editable__.").removesuffix(".pth")
            if stem + ".dist-info" in listing:
                distribution = _distribution(directory, stem + ".dist-info")
                yield from _roots_of_file(root, posixpath.join(directory, name), distribution)


def _roots_of_file(root: TargetRoot, path: str, distribution: Distribution) -> Iterator[EditableRoot]:
    name = posixpath.basename(path)
    if name.endswith(".pth"):
        for directory in metadata.read_path_file(root.read_file(path, metadata.SMALL_BYTES) or b""):
            if directory != "/":
                yield EditableRoot(directory, distribution, "")
    elif name.startswith("__editable__") and name.endswith(".py"):
        mapping = metadata.read_finder_mapping(root.read_file(path, metadata.SMALL_BYTES) or b"")
        for module, directory in mapping.items():
            yield EditableRoot(directory, distribution, module)


def _egg_links(root: TargetRoot, directory: str, listing: list[str]) -> Iterator[EditableRoot]:
    """Yield the directories of `setup.py develop` installs: NAME.egg-link names where NAME.egg-info lies."""
    for name in listing:
        if not name.endswith(".egg-link"):
            continue
        data = root.read_file(posixpath.join(directory, name), metadata.SMALL_BYTES)
        for project in metadata.read_path_file(data or b""):
            inside = metadata_names(root.list_directory(project, 10_000) or [])
            if inside and project != "/":
                yield EditableRoot(project, _distribution(project, inside[0]), "")
