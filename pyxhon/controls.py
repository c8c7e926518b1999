"""What the probes are told: which processes, which sites, which layouts. Declared once, as the events are."""

import enum
from dataclasses import dataclass

from pyxhon.wire import U16, U32, U64

MAX_LAYOUTS = 64
MAX_SITES = 1024
MAX_PROCESSES = 16384
ABSENT = 0xFFFFFFFF  # a layout offset that this CPython does not have
LAUNCH_IMAGE = 1  # our own child before it becomes the command of `pyxhon run`: what it does is not the command's


class SiteKind(enum.IntEnum):
    """How the arguments lie at a site."""

    AUDIT_FUNNEL = 0  # (tstate, event, format, va_list *)
    AUDIT_CLONE = 1  # (tstate, event, format, ...)
    AUDIT_PUBLIC = 2  # (event, format, ...)
    SYS_AUDIT = 3  # (module, PyObject *const *arguments, count)
    IMPORT = 4  # (name, globals, locals, fromlist, level)
    IMPORT_RESULT = 5  # the result is in Site.result_register
    DLOPEN = 6  # (path, flags)
    DLMOPEN = 7  # (namespace, path, flags)
    CODE_DEALLOC = 8  # (code)


class Register(enum.IntEnum):
    """A register that holds a result; the value is its index in struct pt_regs (asm/ptrace.h, x86-64)."""

    R15 = 0
    R14 = 1
    R13 = 2
    R12 = 3
    RBP = 4
    RBX = 5
    R11 = 6
    R10 = 7
    R9 = 8
    R8 = 9
    RAX = 10
    RCX = 11
    RDX = 12
    RSI = 13
    RDI = 14


@dataclass(slots=True)
class TracedProcess:
    """A process that is followed, by its pid."""

    image: U64
    base: U64  # load bias of its interpreter; valid where layout is set
    layout: U32  # index of its layout; ABSENT: not known yet
    freed_codes: U32  # how many code objects it has freed


@dataclass(slots=True)
class Site:
    """One address where a probe sits; its index is the probe's cookie."""

    address: U64
    layout: U32
    kind: U16
    stack_adjust: U16
    result_register: U16
    reserved: U16
    reserved2: U32


@dataclass(slots=True)
class Settings:
    """What the probes must know of this run and this kernel (offsets from its BTF)."""

    seed: U64
    aggregate: U32
    follow: U32
    task_fsbase: U32
    task_tgid: U32
    task_pid: U32
    task_signal: U32
    task_exit_code: U32
    task_mm: U32
    signal_live: U32
    signal_group_exit_code: U32
    mm_arg_start: U32
    mm_arg_end: U32
    binprm_filename: U32
    task_thread_pid: U32
    task_group_leader: U32
    pid_level: U32
    pid_numbers: U32
    wakeup_mask: U32  # the reader is woken for an act of a thread when these bits of its number are 0
    namespace_device: U64  # of our PID namespace, where it is not the first one; else 0
    namespace_inode: U64


@dataclass(slots=True)
class KernelLayout:
    """A CPython build as the probes need it: struct offsets, then addresses before relocation (0: none)."""

    none_object: U64
    bool_type: U64
    code_type: U64
    float_type: U64
    unicode_type: U64
    long_type: U64
    tss_key: U64
    tls_offset: U64  # two's complement; used where has_tls
    read_only_start: U64
    read_only_end: U64
    inner_import_return: U64  # where CPython calls the import function itself; all ones: nowhere
    inner_import_return2: U64
    instruction_mask: U64  # 0: f_lasti, an offset (up to 3.10); all ones: a pointer into the code object
    has_tls: U32
    thread_state_frame: U32
    thread_state_cframe: U32
    cframe_current_frame: U32
    frame_block_start: U32
    frame_block_size: U32
    frame_code: U32  # these four are relative to frame_block_start
    frame_previous: U32
    frame_instruction: U32
    frame_owner: U32  # past the block, where it reads as 0, if this CPython has none
    owner_skip_from: U32  # 256: none
    code_strings: U32  # file name, name, [qualified name,] line table: consecutive pointers
    code_string_count: U32
    code_name_index: U32
    code_first_line: U32
    code_bytecode: U32
    code_first_traceable: U32
    code_name: U32
    object_type: U32
    type_name: U32
    type_flags: U32
    unicode_length: U32
    unicode_state: U32
    unicode_ascii_size: U32
    unicode_compact_size: U32
    unicode_utf8: U32
    unicode_data: U32
    object_size: U32
    bytes_data: U32
    tuple_items: U32
    list_items: U32
    long_has_tag: U32
    long_digits: U32
    pthread_first_block: U32
    pthread_specific: U32
    reserved: U32


ENUMERATIONS = (SiteKind,)
STRUCTS = (TracedProcess, Site, Settings, KernelLayout)
CONSTANTS = ("MAX_LAYOUTS", "MAX_SITES", "MAX_PROCESSES", "ABSENT", "LAUNCH_IMAGE")
