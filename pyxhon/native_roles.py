"""What part a file plays in a process: its interpreter, its C library, or one of the others."""

import posixpath
import re
from typing import Final

from pyxhon.process_images import Image
from pyxhon.target.address_space import AddressSpace, NativeObject
from pyxhon.target.root import TargetRoot

# The parts of a C library, by the names that glibc and musl install them under. A name alone says nothing: it counts
# only in the folder of the program's own loader.
_C_LIBRARY: Final = re.compile(
    r"(?:ld|libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl|libmvec|libnsl|libthread_db|libnss_\w+)"
    r"(?:-linux-x86-64|-musl-x86_64|-2\.\d+|\.musl-x86_64)?\.so(?:\.\d+)*\Z"
)
_LOADER: Final = re.compile(r"ld-(?:linux|musl|2\.)")
_PT_INTERP: Final = 3
_MAX_PATH_BYTES: Final = 4096


def find_loader(program: NativeObject, root: TargetRoot) -> str | None:
    """Give the canonical path of the loader that a program asks for (PT_INTERP); None for a static program."""
    image = program.image
    segment = next((s for s in image.segments if s.kind == _PT_INTERP), None) if image else None
    if image is None or segment is None or segment.file_size > _MAX_PATH_BYTES:
        return None
    content = image.read_file(segment.offset, segment.file_size)
    if not content:
        return None
    return root.resolve(content.split(b"\0")[0].decode("utf-8", "surrogateescape"))


class Roles:
    """The roles in one process image, decided once for each object."""

    def __init__(self, image: Image, space: AddressSpace, root: TargetRoot) -> None:
        self._image = image
        self._root = root
        self._known: dict[NativeObject, str] = {}
        self._has_interpreter = image.interpreter is not None
        self._program = root.resolve(image.executable) if image.executable else None
        self._library_folder = self._find_library_folder(space)

    def _find_library_folder(self, space: AddressSpace) -> str | None:
        program = self._find_program(space)
        if program is None:
            return None
        if program.image is None and program in space.earliest[:1]:  # its file is gone: execve maps the loader next
            loaders = [each.path for each in space.earliest[1:] if _LOADER.match(posixpath.basename(each.path))]
        else:
            loaders = [loader for loader in [find_loader(program, self._root)] if loader]
        return posixpath.dirname(loaders[0]) if loaders else None

    def _find_program(self, space: AddressSpace) -> NativeObject | None:
        for mapped in space.mappings:
            if mapped.object.kind == "file" and mapped.object.path == self._program:
                return mapped.object
        # A program that has no path: one executed from a memfd, or by a symbolic link that is gone. It is mapped first.
        program = next(iter(space.earliest), None)
        if program is not None and program.kind == "file":
            self._program = program.path
        return program

    def role_of(self, native: NativeObject) -> str:
        """Give the role of an object, as the trace names it; a program or library may turn out to be an interpreter."""
        if not self._has_interpreter and self._image.interpreter is not None:
            self._has_interpreter = True
            self._known.clear()
        known = self._known.get(native)
        if known is None:
            known = self._known[native] = self._decide(native)
        return known

    def _decide(self, native: NativeObject) -> str:
        if native.kind != "file":
            return native.kind
        interpreter = self._image.interpreter
        if native.path == self._program:
            return "program" if interpreter is None else "interpreter"
        if interpreter is not None and native.path == interpreter.runtime.path:
            return "interpreter"
        folder, name = posixpath.split(native.path)
        if folder == self._library_folder and _C_LIBRARY.match(name):
            return "c_library"
        return "library"
