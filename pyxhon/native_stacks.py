"""Native stacks: unwound over the mappings of their process at that moment, and written to the trace."""

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pyxhon.bpf.mappings import MappingReader, MappingRecord
from pyxhon.bpf.native_records import NativeStack
from pyxhon.controls import MAX_KEY_FRAMES, PlaceEnding, ReturnPlace
from pyxhon.cpython.eval_loop import EvalLoops
from pyxhon.losses import Losses
from pyxhon.native_roles import Roles
from pyxhon.ownership import Ownership
from pyxhon.process_images import Image
from pyxhon.target.address_space import AddressSpace, Mapped, NativeObject, NativeObjects
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.cfi import RDI, RIP, RSP, Kind, Rule
from pyxhon.target.hidden_calls import reveal
from pyxhon.target.images import FileIdentity, Images
from pyxhon.target.native_frames import Known, NativeFrame, know
from pyxhon.target.steps_cache import load_steps, save_steps
from pyxhon.target.unwind import Unwinder
from pyxhon.trace.store import NativeFrame as FrameColumns
from pyxhon.trace.store import Store

_GUESSES: Final = ("frame_pointer", "scan")
_EXACT: Final = ("start", "cfi")
_PASSED_THROUGH: Final = ("c_library", "vdso", "interpreter")  # what acts for somebody else
_LAST: Final = ReturnPlace(cfa_offset=0, saved_words=0, is_from_rbp=0, ending=PlaceEnding.LAST)
_IN_RDI: Final = ReturnPlace(cfa_offset=0, saved_words=0, is_from_rbp=0, ending=PlaceEnding.IN_RDI)
_ON_TOP: Final = ReturnPlace(cfa_offset=8, saved_words=0, is_from_rbp=0, ending=PlaceEnding.NONE)  # glibc's clone3
_RDI_RULE: Final = Rule(Kind.REGISTER, RDI)
_MAX_CFA_OFFSET: Final = 1 << 20
_MAX_SAVED_WORDS: Final = 1 << 15
_MAX_LEARNT: Final = 1 << 14
_MAX_C_FRAMES: Final = 32
_MAX_HELD_BYTES: Final = 64 << 20
_MAX_ROWS: Final = 1 << 18  # of one image: more than the probes keep in mind, by far

_StackKey = tuple[int, int]  # Python stack, native key


@dataclass(slots=True)
class _Place:
    """What is known of one process image's native code."""

    roles: Roles
    objects: dict[tuple[str, FileIdentity | None], tuple[int, str, NativeObject]] = field(default_factory=dict)
    """Row and role of each, by path and identity."""
    learnt: set[int] = field(default_factory=set)  # addresses whose callers the kernel knows how to find


class NativeStacks:
    """Follows what is mapped where in each process, and turns copies of stacks into rows of the trace."""

    def __init__(self, store: Store, ownership: Ownership, mappings: MappingReader) -> None:
        self._store = store
        self._ownership = ownership
        self._mappings = mappings
        self._images = Images(recall=load_steps)
        self._objects = NativeObjects(self._images)
        self._unwinder = Unwinder()
        self._loops = EvalLoops()
        self._spaces: dict[int, AddressSpace] = {}  # by pid
        self._places: dict[int, _Place] = {}  # by image
        self._rows: dict[int, dict[_StackKey, int]] = {}  # by image
        self._held: dict[tuple[int, _StackKey], NativeStack] = {}  # not named by an act yet; by image
        self._held_bytes = 0
        self._missing_count = 0
        self._waiting: list[MappingRecord] = []
        self._truncated_count = 0
        self._unmapped_count = 0  # stacks of processes whose mappings are not known
        self.on_mapped: Callable[[MappingRecord], None] = lambda _record: None
        self.read_more: Callable[[], bool] = lambda: False  # hold the next stacks that were sent; False: there are none
        self.on_return_place: Callable[[int, int, ReturnPlace], None] = lambda _image, _address, _place: None

    def close(self) -> None:
        """Give all files back; what was learnt of them is kept for the next run."""
        for record in self._waiting:
            if record.descriptor is not None:
                os.close(record.descriptor)
        save_steps(self._images.codes)
        self._images.close()

    def finish(self) -> None:
        """Take what was mapped last."""
        self._advance(None)

    def begin(self, pid: int) -> None:
        """Take what a running process has mapped already."""
        self._advance(None)
        space = self._spaces[pid] = AddressSpace()
        for record in self._mappings.read_address_space(pid):
            self.on_mapped(record)
            space.add(self._objects.mapped(record))

    def fork(self, parent: int, child: int, time_ns: int) -> None:
        """Give a child its parent's mappings, and not those of an ended process of its number."""
        self._advance(time_ns)
        self._spaces.pop(child, None)
        space = self._spaces.get(parent)
        if space is not None:
            self._spaces[child] = space.copy()

    def end(self, image: Image, time_ns: int, *, has_successor: bool) -> None:
        """Forget an image that ended, once what it mapped is taken; but not what another of its pid has mapped."""
        self._receive()
        starts = [
            number
            for number, record in enumerate(self._waiting)
            if record.pid == image.pid and record.is_first_of_image and record.time_ns <= time_ns
        ]
        self._apply(time_ns, starts[-1] if starts and has_successor else len(self._waiting))
        place = self._places.pop(image.number, None)
        if place is not None:
            self._settle_roles(place)
        self._rows.pop(image.number, None)
        if not has_successor:
            self._spaces.pop(image.pid, None)

    def _settle_roles(self, place: _Place) -> None:
        """Write the roles of what was seen before it was known which file is the interpreter."""
        for row, role, native in place.objects.values():
            settled = place.roles.role_of(native)
            if settled != role:
                self._store.set_native_object_role(row, settled)

    def losses(self) -> Losses:
        """Give what is missing from native stacks, and why."""
        return {
            (None, "native_stack", "native_stack_truncated"): self._truncated_count,
            (None, "native_stack", "native_stack_lost"): self._missing_count,
            (None, "native_stack", "mappings_unknown"): self._unmapped_count,
            (None, "mapping", "mappings_lost"): self._mappings.lost,
            (None, "mapping", "files_not_opened"): self._images.refused + self._mappings.pins.excess_count,
        }

    def hold(self, record: NativeStack) -> None:
        """Keep a stack until an act names it."""
        key = (record.stack, record.native)
        if key in self._rows.get(record.image, ()) or (record.image, key) in self._held:
            return
        self._held[record.image, key] = record
        self._held_bytes += len(record.content)
        while self._held_bytes > _MAX_HELD_BYTES:  # of acts that were lost
            self._held_bytes -= len(self._held.pop(next(iter(self._held))).content)

    def find(self, image: Image, python_stack: int, native: int) -> int | None:
        """Give the row of the stack that an act names, unwound when first asked for; None where it was lost."""
        key = (python_stack, native)
        rows = self._rows.setdefault(image.number, {})
        while key not in rows and (image.number, key) not in self._held and self.read_more():
            pass  # a batch of acts may name more stacks than a batch of stacks holds
        record = self._held.pop((image.number, key), None)
        if record is not None:
            self._held_bytes -= len(record.content)
            rows[key] = self._write(record, image)
            if len(rows) > _MAX_ROWS:
                del rows[next(iter(rows))]
        elif key not in rows:
            self._missing_count += 1
        return rows.get(key)

    def _advance(self, time_ns: int | None) -> None:
        """Apply what was mapped until a moment; None: all."""
        self._receive()
        self._apply(time_ns, len(self._waiting))

    def _receive(self) -> None:
        """Take the new mappings; those of tasks that have nothing to do with one another may come out of order."""
        fresh = self._mappings.read()
        if fresh:
            self._waiting.extend(fresh)
            self._waiting.sort(key=lambda record: record.time_ns)

    def _apply(self, time_ns: int | None, limit: int) -> None:
        done = 0
        for record in itertools.islice(self._waiting, limit):
            if time_ns is not None and record.time_ns > time_ns:
                break
            self._map(record)
            done += 1
        del self._waiting[:done]

    def _map(self, record: MappingRecord) -> None:
        self.on_mapped(record)
        if record.is_first_of_image:
            self._spaces[record.pid] = AddressSpace()
        space = self._spaces.get(record.pid)
        if space is not None:
            space.add(self._objects.mapped(record))
        elif record.descriptor is not None:
            os.close(record.descriptor)

    def _write(self, record: NativeStack, image: Image) -> int:
        """Unwind one stack and write it; gives its row."""
        self._advance(record.time_ns)
        space = self._spaces.get(record.pid)
        if space is None:
            self._unmapped_count += 1
            space = AddressSpace()
        unwound = self._unwinder.unwind(space, record.registers, record.content)
        self._learn_return_places(unwound.frames, image, space, record.content)
        place = self._place(image, space)
        frames = reveal(
            unwound.frames, space, record.content, lambda native: place.roles.role_of(native) == "c_library"
        )
        frames = _mark_entry(frames, place)
        is_guessed = self._is_guessed(frames, place)
        row = self._store.add_native_stack(
            process=image.process,
            is_truncated=unwound.is_truncated,
            is_guessed=is_guessed,
            end_reason=unwound.end_reason,
        )
        self._truncated_count += unwound.is_truncated
        self._store.add_native_frames(row, [self._frame(frame, image, place) for frame in frames])
        return row

    def mapped_at(self, address: int, time_ns: int, image: Image) -> Mapped | None:
        """Give what executable code was mapped at an address at a time; None where none was."""
        self._advance(time_ns)
        space = self._spaces.get(image.pid)
        return None if space is None else space.find(address)

    def path_at(self, address: int, time_ns: int, image: Image) -> str | None:
        """Give the path of the file that is mapped at an address; None where none is."""
        mapped = self.mapped_at(address, time_ns, image)
        return mapped.object.path if mapped is not None and mapped.object.kind in ("file", "memfd") else None

    def find_object(self, address: int, time_ns: int, image: Image) -> int | None:
        """Give the row of what is mapped at an address; None where nothing is."""
        self._advance(time_ns)
        space = self._spaces.get(image.pid)
        mapped = space.find(address) if space is not None else None
        return (
            None if space is None or mapped is None else self._object(mapped.object, image, self._place(image, space))
        )

    def _learn_return_places(
        self, frames: tuple[NativeFrame, ...], image: Image, space: AddressSpace, content: bytes
    ) -> None:
        """Let the kernel tell native stacks apart by their callers, up to the innermost Python frame."""
        memory = image.memory or image.number
        if image.is_ended and memory == image.number:
            return
        place = self._place(image, space)
        top = int.from_bytes(content[:8], "little")
        is_on_top = len(frames) > 1 and frames[1].how == "scan" and frames[1].address == top
        for index, frame in enumerate(frames[:MAX_KEY_FRAMES]):
            if frame.object is None or not (frame.how in _EXACT or (is_on_top and index == 1)):
                return
            if frame.address in place.learnt:
                continue
            role = place.roles.role_of(frame.object)
            learnt = (
                _LAST if self._is_eval(frame, place) else _return_place(know(space, frame.address, is_exact=index == 0))
            )
            if learnt is None and is_on_top and index == 0:
                learnt = _ON_TOP
            if learnt is None and role in _PASSED_THROUGH:
                return
            if len(place.learnt) >= _MAX_LEARNT:
                place.learnt.clear()
            place.learnt.add(frame.address)
            self.on_return_place(memory, frame.address, learnt or _LAST)
            if learnt is None or learnt.ending == PlaceEnding.LAST:
                return

    def _place(self, image: Image, space: AddressSpace) -> _Place:
        memory = image.memory or image.number
        place = self._places.get(memory)
        if place is None:
            roles = Roles(image, space, self._ownership.target_root(image.root))
            place = self._places[memory] = _Place(roles)
        return place

    def _frame(self, frame: NativeFrame, image: Image, place: _Place) -> FrameColumns:
        row = None if frame.object is None else self._object(frame.object, image, place)
        return row, frame.symbol, frame.offset, frame.how, self._is_eval(frame, place), int(frame.flags)

    def _object(self, native: NativeObject, image: Image, place: _Place) -> int:
        key = (native.path, native.identity)  # another file may be at the same path later
        role = place.roles.role_of(native)
        row, known_role, _ = place.objects.get(key, (None, "", native))
        if row is not None and role != known_role:
            self._store.set_native_object_role(row, role)
        elif row is None:
            row = self._store.add_native_object(
                root=image.root,
                path=native.path,
                role=role,
                device=native.identity.device if native.identity else None,
                inode=native.identity.inode if native.identity else None,
                is_deleted=native.is_deleted,
            )
            if native.kind == "file":
                self._ownership.see_file(image.root, native.path, None)
        place.objects[key] = row, role, native
        return row

    def _is_eval(self, frame: NativeFrame, place: _Place) -> bool:
        is_interpreter = frame.object is not None and place.roles.role_of(frame.object) == "interpreter"
        return is_interpreter and self._loops.is_eval(frame)

    def _is_guessed(self, frames: Sequence[NativeFrame], place: _Place) -> bool:
        """Tell whether a frame above the innermost Python one was not found by unwind tables."""
        for frame in frames:
            if self._is_eval(frame, place):
                return False
            if frame.how in _GUESSES:
                return True
        return False


def _mark_entry(frames: Sequence[NativeFrame], place: _Place) -> Sequence[NativeFrame]:
    """Mark the interpreter's frame that is said to have called the C library, where it calls itself."""
    roles = [None if frame.object is None else place.roles.role_of(frame.object) for frame in frames[:_MAX_C_FRAMES]]
    caller = next((number for number, role in enumerate(roles) if role != "c_library"), 0)
    frame = frames[caller] if frames else None
    code = frame.object.code if frame is not None and frame.object is not None else None
    if not caller or frame is None or code is None or roles[caller] != "interpreter":
        return frames
    if not code.is_local_call(frame.offset):
        return frames
    marked = replace(frame, flags=frame.flags | FrameFlag.LOCAL_CALL)
    return [*frames[:caller], marked, *frames[caller + 1 :]]


def _return_place(known: Known) -> ReturnPlace | None:
    """Give what the kernel needs to find a caller; None where it takes more than a register and an offset."""
    if known.ending is not None:
        return _LAST if known.ending == "bottom" else _IN_RDI if _is_in_rdi(known) else None
    if not 0 < known.cfa_offset < _MAX_CFA_OFFSET or not -_MAX_SAVED_WORDS < known.rbp_word <= 0:
        return None
    return ReturnPlace(
        cfa_offset=known.cfa_offset, saved_words=-known.rbp_word, is_from_rbp=known.is_from_rbp, ending=PlaceEnding.NONE
    )


def _is_in_rdi(known: Known) -> bool:
    """Tell whether a function has taken its return address off the stack into rdi, as glibc's vfork does."""
    row = known.step.row if known.step is not None else None
    if row is None or known.frame.how != "start" or row.is_signal or row.cfa_expression:
        return False
    return (row.cfa_register, row.cfa_offset) == (RSP, 0) and dict(row.rules).get(RIP) == _RDI_RULE
