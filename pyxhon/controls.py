"""What the probes are told: which processes, which sites, which layouts. Declared once, as the events are."""

import enum
from dataclasses import dataclass
from typing import Annotated

from pyxhon.wire import U8, U16, U32, U64, Array

MAX_LAYOUTS = 64
MAX_SITES = 1024
MAX_PROCESSES = 16384
MAX_SINGLE_RUNS = 16  # of a program by the same call; what further ones do is counted together
ABSENT = 0xFFFFFFFF  # a layout offset that this CPython does not have
LAUNCH_IMAGE = 1  # our own child before it becomes the command of `pyxhon run`: what it does is not the command's


CALIBRATION_IMAGE = 2  # an interpreter that we run to calibrate entry sites: nothing else of it is told


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
    FFI_CALL = 9  # (cif, function, result, arguments) of libffi
    CODE_RESULT = 10  # a code object may have been made: it is in Site.result_register
    ENTRY = 16  # a Python function is entered; Site.flags are EntryFlag bits; the frame is in Site.result_register
    EXIT_DROP = 17  # (tstate, frame); Site.stack_adjust: where the thread state has the exception being raised
    EXIT_YIELD = 18  # a Python function pauses; the frame is where EntryFlag says
    EXIT_EVAL = 19  # the evaluation loop ends, up to 3.10; Site.stack_adjust: where a code object has its bytecode
    INSTRUCTION = 20  # the body of an opcode; where frame and instruction are, EntryFlag says
    METHOD_NOARGS = 32  # (self, NULL); these seven are C functions by name, their Site.flags a SelfKind
    METHOD_O = 33  # (self, argument)
    METHOD_VARARGS = 34  # (self, tuple)
    METHOD_KEYWORDS = 35  # (self, tuple, dict or NULL)
    METHOD_FASTCALL = 36  # (self, PyObject *const *arguments, count)
    METHOD_FASTCALL_KEYWORDS = 37  # (self, arguments, count, tuple of names or NULL)
    METHOD_METHOD = 38  # (self, defining class, arguments, count, tuple of names or NULL)


class SelfKind(enum.IntEnum):
    """What is told of the first argument of a C function."""

    VALUE = 0  # a str, bytes or number
    NOTHING = 1  # a module, or NULL
    CLASS = 2  # a type: its name
    INSTANCE = 3  # the name of its type
    SOCKET = 4  # of _socket.socket: its descriptor


class EntryFlag(enum.IntEnum):
    """Bits of Site.flags at an entry or exit of a Python function."""

    FRAME_ON_STACK = 1  # stack_adjust bytes above rsp, not in a register
    THROW_IN_RSI = 2  # throwflag of _PyEval_EvalFrameDefault: up to 3.8
    THROW_IN_RDX = 4  # up to 3.10
    RESULT_IN_RSI = 8  # of _Py_CheckFunctionResult, the callable before it: 3.8; else in rdx
    INSTRUCTION_IN_WORDS = 16  # f_lasti counts instructions, not bytes: 3.10
    INSTRUCTION_IN_REGISTER = 32  # in that of stack_adjust, not in the frame; 3.11 and later
    TELLS_JOINED = 128  # also of what another opcode's body has left to this one
    IS_JOINED = 64  # other opcodes' bodies get here, too


MAX_SYSCALLS = 2048  # the machine's own numbers and x32's from 0, those of i386 from I386_SYSCALLS
I386_SYSCALLS = 1024


class SyscallFlag(enum.IntEnum):
    """Bits of SyscallRule.flags."""

    WANTED = 1
    ONLY_EXECUTABLE = 2  # only where the third argument has PROT_EXEC
    ONLY_SOCKET = 4  # only where the first argument is a socket
    IS_MAKER = 8  # what it gives is acted through later: each result is sent
    HAS_NO_RETURN = 16  # does not come back when it succeeds
    IS_COUNTED = 32  # counted by number only
    IS_ACCEPTING = 64  # its first argument is a listening socket


class SyscallArgument(enum.IntEnum):
    """What one argument of a system call is."""

    ABSENT = 0
    NUMBER = 1
    NUMBER32 = 2  # only the low half counts
    DESCRIPTOR = 3
    SOCKET = 4  # a descriptor; the peer of the socket is told, too
    FOLDER = 5  # a descriptor that the next path starts from (dirfd)
    PATH = 6
    TEXT = 7  # a C string that is no path
    ADDRESS = 8  # struct sockaddr; the next argument is its length
    LENGTH = 9  # told with the argument before
    MESSAGE = 10  # struct msghdr
    POINTER = 11  # only whether there is one
    OPEN_HOW = 12  # struct open_how of openat2
    CLONE_ARGUMENTS = 13  # struct clone_args of clone3
    BYTES = 14  # the first 64 bytes; the next argument is its length
    ARGUMENT_LIST = 15  # char *argv[]
    WORDS = 16  # the first 32 bytes of a struct, as numbers of 8 bytes
    HIDDEN = 17  # nothing of it is told: addresses that differ from call to call


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
    account: U64  # what its acts are counted under: its image, or its lineage where the same has run many times
    lineage: U64  # what tells the program, and the call that started it, from others
    memory: U64  # the image whose code lies in the same memory: its own, or that of who called vfork
    base: U64  # load bias of its interpreter; valid where layout is set
    layout: U32  # index of its layout; ABSENT: not known yet
    mapped_files: U32  # how often it has mapped a file's code: another one may be at the same address


@dataclass(slots=True)
class Site:
    """One address where a probe sits; its index is the probe's cookie."""

    address: U64
    layout: U32
    kind: U16
    stack_adjust: U16
    result_register: U16
    flags: U16
    opcode: (
        U32  # of an entry: hits of other opcodes there do not count; 0: all do. Of an instruction: see body_sites.py
    )


@dataclass(slots=True)
class SyscallRule:
    """What is wanted of one system call; arguments are SyscallArgument numbers."""

    flags: U16
    argument0: U8
    argument1: U8
    argument2: U8
    argument3: U8
    argument4: U8
    argument5: U8


class PlaceEnding(enum.IntEnum):
    """Whether there is a further caller."""

    NONE = 0
    LAST = 1  # what tells callers apart ends here
    IN_RDI = 2  # the return address is in rdi, nothing of it on the stack: glibc's vfork


FRAME_WINDOW = 1024  # bytes of Python frames read at once, besides the frame wanted; a power of two
MAX_KEY_FRAMES = 32  # how many callers tell native stacks apart


@dataclass(slots=True)
class ReturnPlace:
    """How the caller of an address in code is found; see target/native_frames.py, of which it is the plain part."""

    cfa_offset: U32  # from rsp or rbp; the return address is one word below it
    saved_words: U16  # how many words below it rbp was saved; 0: kept
    is_from_rbp: U8
    ending: U8  # a PlaceEnding


MAX_OPERATIONS = 128  # of io_uring


@dataclass(slots=True)
class OperationRule:
    """What is wanted of one operation of io_uring: offsets in struct io_kiocb, 255 where there is no such argument."""

    is_wanted: U8
    path: U8
    path2: U8
    folder: U8
    folder2: U8
    address: U8  # a pointer to the user's struct sockaddr
    has_peer: U8
    reserved: U8


@dataclass(slots=True)
class OperationPlaces:
    """Where the kernel keeps the rest of an io_uring request (offsets from its BTF; ABSENT where it does not)."""

    opcode: U32
    ring: U32
    descriptor: U32
    extra: U32  # what was copied of the user's memory
    extra_address: U32
    filename: U32


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
    binprm_file: U32
    task_thread_pid: U32
    task_group_leader: U32
    pid_level: U32
    pid_numbers: U32
    task_thread_status: U32
    task_files: U32
    files_table: U32
    table_files: U32
    table_size: U32
    file_inode: U32
    file_path: U32
    file_private: U32
    inode_mode: U32
    socket_sock: U32
    sock_family: U32
    sock_port: U32
    sock_own_port: U32
    sock_address: U32
    sock_address6: U32
    task_fs: U32
    fs_root: U32
    fs_directory: U32
    path_mount: U32
    path_dentry: U32
    dentry_parent: U32
    dentry_name: U32
    mount_parent: U32
    mount_point: U32
    mount_inner: U32
    inner_root: U32
    mm_start_stack: U32
    inode_number: U32
    reserved: U32
    wakeup_mask: U32  # the reader is woken for an act of a thread when these bits of its number are 0
    namespace_device: U64  # of our PID namespace, where it is not the first one; else 0
    namespace_inode: U64


@dataclass(slots=True)
class ThreadOffsets:
    """What the iterator over threads must know of this kernel."""

    task_fsbase: U32
    task_thread_pid: U32
    task_group_leader: U32
    task_on_cpu: U32
    task_nvcsw: U32
    task_nivcsw: U32
    pid_level: U32
    pid_numbers: U32


MAX_CODE_PARTS = 16  # a power of two


@dataclass(slots=True)
class CodePart:
    """A piece of memory that a code object consists of: an object that it points to, or itself."""

    pointer: U32  # where it points to it; 0: itself
    header_bytes: U32
    item_bytes: U32  # for each item counted in ob_size
    has_objects: U32  # items are pointers to objects, which are copied, too
    inner: U32  # where what it points to points to the part; ABSENT: that is the part itself
    is_counted_by_code: U32  # its items are as many as the code object's


@dataclass(slots=True)
class KernelLayout:
    """A CPython build as the probes need it: struct offsets, then addresses before relocation (0: none)."""

    none_object: U64
    bool_type: U64
    code_type: U64
    float_type: U64
    unicode_type: U64
    long_type: U64
    tuple_type: U64
    current_thread: U64
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
    frame_window: U32  # how much before a frame is read with it: most callers' frames lie there; 0 up to 3.10
    frame_code: U32  # these four are relative to frame_block_start
    frame_previous: U32
    frame_instruction: U32
    frame_owner: U32
    frame_is_entry: U32
    frame_entry_mask: U32  # of the byte at frame_is_entry; 0 where this CPython has none
    owner_skip_from: U32  # 256: none
    code_strings: U32  # file name, name, [qualified name,] line table: consecutive pointers
    code_string_count: U32
    code_name_index: U32
    code_first_line: U32
    code_bytecode: U32
    code_first_traceable: U32
    code_name: U32
    code_is_freed_seen: U32  # the site code_dealloc was found
    code_instrumentation_version: U32  # from 3.12 on
    resume_mask: U32  # of the argument of RESUME: where it stands
    resume_opcodes: U32  # its forms, a byte each
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
    frame_locals: U32
    code_argument_count: U32
    code_keyword_only_count: U32
    code_flags: U32
    code_local_count: U32
    code_local_names: U32
    code_local_kinds: U32  # ABSENT up to 3.10, the next two from 3.11 on
    code_cell_arguments: U32
    code_cell_names: U32
    cell_value: U32
    dictionary_keys: U32
    keys_size: U32  # ABSENT from 3.11 on, the next two before
    keys_log2_index_bytes: U32
    keys_kind: U32
    keys_entry_count: U32
    keys_indices: U32
    code_parts: Annotated[bytes, Array(CodePart, MAX_CODE_PARTS)]
    code_part_count: U32
    reserved: U32


ENUMERATIONS = (SiteKind, SelfKind, EntryFlag, SyscallFlag, SyscallArgument, PlaceEnding)
STRUCTS = (
    TracedProcess, Site, SyscallRule, ReturnPlace, OperationRule, OperationPlaces, Settings, CodePart, KernelLayout,
    ThreadOffsets,
)  # fmt: skip
CONSTANTS = (
    "MAX_LAYOUTS", "MAX_SITES", "MAX_PROCESSES", "MAX_SINGLE_RUNS", "ABSENT", "LAUNCH_IMAGE", "CALIBRATION_IMAGE",
    "MAX_SYSCALLS", "I386_SYSCALLS", "MAX_OPERATIONS", "MAX_KEY_FRAMES", "FRAME_WINDOW", "MAX_CODE_PARTS",
)  # fmt: skip
