"""Native stacks as the join sees them: which object acts, on whose call, and how sure that is.

Stacks repeat, so each is looked at once.
"""

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyxhon.join.places import Places
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import NativeFrameRow, NativeStackRow

NO_CALL_BEFORE = 1
THROUGH_REGISTER = 2
LOCAL_CALL = 8  # flags of a native frame (trace/schema.sql)
MADE_CODE = frozenset({"anonymous", "memfd"})
_MAX_VIEWS = 50_000
SYSTEM_ROLES = frozenset({"interpreter", "c_library", "vdso"})
_LOADER_NAMES = ("ld-linux", "ld-2.", "ld64", "ld.so")


@dataclass(frozen=True, slots=True)
class NativeView:
    """One native stack.

    `reach`: its first so many frames led to the act without Python between; behind them is the innermost eval loop, or
    what a signal interrupted. `foreign`: the frames of objects that are neither the interpreter nor the C library.
    """

    frames: tuple[NativeFrameRow, ...] = ()
    reach: int = 0
    foreign: tuple[int, ...] = ()
    extension: str | None = None  # the DLL that the interpreter called for this, None: none
    is_loader: bool = False  # the dynamic loader works
    is_handler: bool = False  # a signal handler runs
    confidence: str | None = None
    doubt: str | None = None

    @property
    def acting(self) -> int | None:
        """Give the position of the frame whose object is responsible."""
        return next((position for position in self.foreign if position < self.reach), None)

    @property
    def object(self) -> str | None:
        """Give the responsible object's path."""
        return None if self.acting is None else self.frames[self.acting].path

    @property
    def caller(self) -> str | None:
        """Give the object that called the C library, also where that is the interpreter."""
        found = next((frame for frame in self.frames[: self.reach] if frame.role not in {"c_library", "vdso"}), None)
        return found.path if found else None


NO_VIEW = NativeView()
IsStandard = Callable[[str], bool]
_Judgement = tuple[str, str | None]


class Natives:
    """Gives the view of each native stack of a trace, made once."""

    def __init__(self, trace: TraceReader, places: Places) -> None:
        self._trace = trace
        self._places = places
        self._views: dict[int, NativeView] = {}
        self._roles: dict[tuple[int, str], str] | None = None

    def start_batch(self) -> None:
        """Allow the table of objects to be read again."""
        self._roles = None

    def role_of(self, root: int, path: str) -> str | None:
        """Give the role of an object that native code was seen in."""
        if self._roles is None:
            self._roles = {(row.root, row.path): row.role for row in self._trace.native_objects()}
        return self._roles.get((root, path))

    def view(self, stack: int | None, root: int) -> NativeView:
        """Give the view of a native stack by its number."""
        if stack is None:
            return NO_VIEW
        found = self._views.get(stack)
        if found is None:
            row = self._trace.native_stack(stack)
            if row is None:
                return NO_VIEW
            if len(self._views) >= _MAX_VIEWS:
                self._views.clear()
            found = look(row, lambda path: is_standard_extension(self._places, root, path))
            if all(frame.role != "library" or self._places.row(root, frame.path or "") for frame in row.frames):
                self._views[stack] = found  # whose files they are has been decided
        return found


def is_standard_extension(places: Places, root: int, path: str) -> bool:
    """Tell whether a DLL is an extension module of the standard library."""
    row = places.row(root, path)
    return row is not None and row.origin == "stdlib"


def is_loader_file(frame: NativeFrameRow) -> bool:
    """Tell whether a frame is the dynamic loader's."""
    name = posixpath.basename(frame.path or "")
    return frame.role == "c_library" and name.startswith(_LOADER_NAMES)


def look(row: NativeStackRow, is_standard: IsStandard) -> NativeView:
    """Look at a native stack; `is_standard` tells of a path whether it is the standard library's extension."""
    frames = row.frames
    end = next((number for number, frame in enumerate(frames) if frame.is_eval), len(frames))
    interrupted = next((number for number, frame in enumerate(frames[: end + 1]) if frame.how == "signal"), None)
    reach = end if interrupted is None else interrupted
    foreign = tuple(number for number in range(len(frames)) if _is_foreign(frames, number, is_standard))
    acting = next((number for number in foreign if number < reach), None)
    confidence, doubt = _judge(row, frames, reach, acting)
    return NativeView(
        frames=frames,
        reach=reach,
        foreign=foreign,
        extension=_find_extension(frames[:reach]),
        is_loader=bool(frames) and is_loader_file(frames[0]),
        is_handler=interrupted is not None,
        confidence=confidence,
        doubt=doubt,
    )


def _is_foreign(frames: Sequence[NativeFrameRow], number: int, is_standard: IsStandard) -> bool:
    frame = frames[number]
    if frame.path is None or frame.role is None or frame.role in SYSTEM_ROLES:
        return False
    return not is_call_gate(frames, number, is_standard)


def is_call_gate(frames: Sequence[NativeFrameRow], number: int, is_standard: IsStandard) -> bool:
    """Tell whether a frame is libffi's under _ctypes: it calls what it is told to, and answers for nothing.

    libffi is what is named so in the folder of the C library or of the interpreter, and was called by _ctypes or, where
    that is built in, by the interpreter. Anything else of this name is a DLL as any other.
    """
    frame = frames[number]
    if not _is_libffi(frame, frames):
        return False
    caller = next((each for each in frames[number + 1 :] if not _is_libffi(each, frames)), None)
    if caller is None or caller.path is None:
        return False
    is_ctypes = posixpath.basename(caller.path).partition(".")[0] == "_ctypes" and is_standard(caller.path)
    return is_ctypes or caller.role == "interpreter"


def _is_libffi(frame: NativeFrameRow, frames: Sequence[NativeFrameRow]) -> bool:
    if frame.role != "library" or not posixpath.basename(frame.path or "").startswith("libffi.so"):
        return False
    trusted = {posixpath.dirname(each.path or "") for each in frames if each.role in {"c_library", "interpreter"}}
    return posixpath.dirname(frame.path or "") in trusted


def _find_extension(frames: Sequence[NativeFrameRow]) -> str | None:
    """Find the DLL that the interpreter called: the outermost of those between the act and the interpreter's code."""
    found = None
    for frame in frames:
        if frame.role == "interpreter":
            break
        if frame.role not in SYSTEM_ROLES and frame.path is not None:
            found = frame.path
    return found


def _judge(row: NativeStackRow, frames: Sequence[NativeFrameRow], reach: int, acting: int | None) -> _Judgement:
    """Say how sure it is which object acted: only the frames from the act to that object's matter."""
    end = reach if acting is None else acting + 1
    near = frames[:end]
    if any(frame.path is None for frame in near):
        return "suspect", "a frame lies where nothing was mapped"
    doubt = _find_doubt(frames, end, acting)
    if doubt is not None:
        return "suspect", doubt
    if any(frame.how in {"scan", "frame_pointer"} for frame in near) or (acting is None and row.is_guessed):
        return "guessed", "a frame was found without unwind tables"
    if row.is_truncated and acting is None and reach == len(frames):
        return "guessed", "the native stack was cut"
    return "exact", None


def _find_doubt(frames: Sequence[NativeFrameRow], end: int, acting: int | None) -> str | None:
    """Say why the stack may be a lie."""
    if any(frame.flags & NO_CALL_BEFORE for frame in frames[1 : end + (acting is None)]):
        return "a return address does not follow a call"
    if _may_hide_function(frames, end):
        return "the C library was called through a register: a function may be hidden"
    if _is_called_from_nowhere(frames, end):
        return "the interpreter calls its own function there: another one is hidden, or the frame forged"
    return None


def _may_hide_function(frames: Sequence[NativeFrameRow], end: int) -> bool:
    """Tell whether the C library was called as a function is that is told by its address: a tail call leaves no frame.

    The loader calls itself so, and libffi calls everything so.
    """
    caller = next((number for number in range(end) if frames[number].role != "c_library"), end)
    if caller == 0 or is_loader_file(frames[0]) or (caller < len(frames) and _is_libffi(frames[caller], frames)):
        return False
    return any(frame.flags & THROUGH_REGISTER for frame in frames[1 : caller + 1])


def _is_called_from_nowhere(frames: Sequence[NativeFrameRow], end: int) -> bool:
    """Tell whether the C library runs on behalf of code that calls something else where it is said to have called."""
    caller = next((number for number, frame in enumerate(frames[: end + 1]) if frame.role != "c_library"), 0)
    return caller > 0 and frames[caller].role == "interpreter" and bool(frames[caller].flags & LOCAL_CALL)
