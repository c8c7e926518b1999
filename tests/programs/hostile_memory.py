"""Writes garbage into its own interpreter where PyXhon reads it. Arguments: the layout as JSON, and what to do.

`events`: forks a child per tampering, each raises one audit event "hostile.NUMBER" and kills itself.
`snapshot`: forks a child per tampering, says ready, and waits for the end of its input with all of them.
"""

import ctypes
import gc
import json
import mmap
import os
import random
import signal
import struct
import sys

LAYOUT = json.loads(sys.argv[1])
PAGE = mmap.PAGESIZE
kept = []


def at(name):
    return LAYOUT[name]


def pointer(address):
    return ctypes.c_uint64.from_address(address).value


def poke(address, value):
    ctypes.c_uint64.from_address(address).value = value & (2**64 - 1)


def address_of(buffer):
    kept.append(buffer)
    return ctypes.addressof(buffer)


def thread_state():
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_uint64
    return get()


def interpreter():
    return pointer(thread_state() + at("thread_state_interpreter"))


def frame_slot():
    state = thread_state()
    if at("thread_state_frame") is not None:
        return state + at("thread_state_frame")
    return pointer(state + at("thread_state_cframe")) + at("cframe_current_frame")


def current_frame():
    # That of the caller's caller would need a step along `previous`: each tampering says how many it wants.
    return pointer(frame_slot())


def outer_frame(steps):
    frame = current_frame()
    for _ in range(steps + 1):
        frame = pointer(frame + at("frame_previous"))
    return frame


def endless():
    """A page without a zero byte, and nothing after it."""
    region = mmap.mmap(-1, 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    kept.append(region)
    region[:PAGE] = b"A" * PAGE
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + PAGE), PAGE, 0)
    return start


def bad_pointers():
    own = ctypes.create_string_buffer(b"\xff" * 4096)
    return [0, 1, 2**47 - 1, 2**64 - 8, 0xFFFFFFFF81000000, endless() + PAGE - 4, address_of(own), id(None) + 1]


def fake(kind, **fields):
    """An object that is not one: of this type, filled with these values at the layout's places."""
    content = ctypes.create_string_buffer(b"A" * 512, 1024)
    start = address_of(content)
    poke(start, 1 << 20)
    poke(start + at("object_type"), kind)
    for name, value in fields.items():
        if at(name) is not None:
            poke(start + at(name), value)
    return start


def fake_objects():
    for length in (2**62, 2**64 - 1, 10**6):
        yield fake(id(str), unicode_length=length, unicode_state=0b1100100)
        yield fake(id(bytes), object_size=length)
        yield fake(id(tuple), object_size=length)
        yield fake(id(list), object_size=length, list_items=endless())
        yield fake(id(int), object_size=length, long_tag=length)
    for state in range(0, 256, 17):
        yield fake(id(str), unicode_length=5000, unicode_state=state, unicode_data=endless(), unicode_utf8=1)
    for target in bad_pointers():
        yield fake(target)
        yield fake(id(list), object_size=3, list_items=target)
        yield fake(fake(id(type), type_flags=2**64 - 1, type_name=target))
        yield fake(fake(id(type), type_flags=0, type_name=target))
    loop = fake(id(list), object_size=1)
    poke(loop + at("list_items"), loop)
    yield loop
    itself = fake(0)
    poke(itself + at("object_type"), itself)
    yield itself


def as_object(address):
    return ctypes.cast(ctypes.c_void_p(address), ctypes.py_object).value


def audit_and_die(number, *arguments):
    sys.audit("hostile.%d" % number, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)


def victim(number, place, value):
    ctypes.c_uint64.from_address(place).value = value & (2**64 - 1)
    sys.audit("hostile.%d" % number)
    os.kill(os.getpid(), signal.SIGKILL)


def tamper_code(field, value):
    def act(number):
        victim(number, id(victim.__code__) + at(field), value)

    return act


def tamper_frame(field, value):
    def act(number):
        victim(number, current_frame() + at(field), value() if callable(value) else value)

    return act


def tamper_slot(value):
    return lambda number: victim(number, frame_slot(), value)


def give(address):
    return lambda number: audit_and_die(number, as_object(address))


def race(number):
    """Raises events with objects that another process is scribbling over all the time."""
    region = mmap.mmap(-1, 64 * 512)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    kinds = (id(str), id(bytes), id(tuple), id(list), id(int))
    for index in range(64):
        struct.pack_into("<QQ", region, index * 512, 1 << 20, kinds[index % 5])
    scribbler = os.fork()
    while scribbler == 0:
        offset = random.randrange(64) * 512 + random.randrange(16, 500, 8)
        value = random.choice((0, 1, 2**62, start, start + 512, 2**64 - 1, random.getrandbits(64), 0b1100100))
        struct.pack_into("<Q", region, offset, value)
    for turn in range(3000):
        sys.audit("race", as_object(start + turn % 64 * 512))
    os.kill(scribbler, signal.SIGKILL)
    audit_and_die(number)


def event_tamperings():
    for field in ("code_filename", "code_name", "code_qualname", "code_line_table"):
        if at(field) is not None:
            yield from (tamper_code(field, value) for value in bad_pointers())
            yield from (tamper_code(field, address) for address in list(fake_objects())[:5])
    for field in ("frame_previous", "frame_code"):
        yield from (tamper_frame(field, value) for value in bad_pointers())
    yield tamper_frame("frame_previous", current_frame)
    yield tamper_frame("frame_previous", lambda: frame_slot() - at("frame_previous"))
    for field in ("frame_instruction", "frame_owner"):
        if at(field) is not None:
            yield from (tamper_frame(field, value) for value in (0, 2**64 - 1, 2**63, 12345))
    yield from (tamper_slot(value) for value in bad_pointers())
    yield from (give(address) for address in fake_objects())
    yield race


def snapshot_tamperings():
    modules, own = id(sys.modules), interpreter()
    state, keys = thread_state(), pointer(id(sys.modules) + at("dictionary_keys"))
    places = {
        own + at("interpreter_modules"), own + at("interpreter_threads_head"), own + at("interpreter_audit_hooks"),
        own + at("interpreter_next"), own + at("interpreter_sys_dictionary"), modules + at("dictionary_keys"),
        id(json) + at("module_dictionary"), id(vars(json)) + at("dictionary_keys"), state + at("thread_state_next"),
        modules + at("object_type"), id(sys) + at("object_type"),
    }  # fmt: skip
    for place in sorted(places):
        for value in bad_pointers()[::2]:
            yield lambda place=place, value=value: poke(place, value)
    yield lambda: poke(state + at("thread_state_next"), state)
    yield lambda: poke(own + at("interpreter_next"), own)
    for field in ("keys_log2_size", "keys_log2_index_bytes", "keys_kind", "keys_entry_count", "keys_size"):
        if at(field) is not None:
            for value in (0, 2**64 - 1, 0x3F3F3F3F3F3F3F3F, 2**62):
                yield lambda place=keys + at(field), value=value: poke(place, value)
    yield lambda: poke(modules + at("dictionary_used"), 2**62)


def raise_events():
    gc.disable()
    for number, tampering in enumerate(event_tamperings()):
        pid = os.fork()
        if pid == 0:
            tampering(number)
            os._exit(1)
        os.waitpid(pid, 0)
    print("tampered", number + 1)


def wait_tampered():
    gc.disable()
    count = 0
    readable, writable = os.pipe()
    for tampering in snapshot_tamperings():
        count += 1
        if os.fork() == 0:
            tampering(), os.write(writable, b"x"), os.read(0, 1), os._exit(0)
    for _ in range(count):
        os.read(readable, 1)
    os.write(1, b"ready\n%d\n" % count)
    os.read(0, 1)
    os._exit(0)


if sys.argv[2] == "events":
    raise_events()
else:
    wait_tampered()
