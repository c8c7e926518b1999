"""Offsets of kernel structures, read from the running kernel's BTF (Documentation/bpf/btf.rst)."""

import functools
import json
import os
import platform
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pyxhon.cache import read_cached, write_cached
from pyxhon.errors import KernelError

_BTF: Final = Path("/sys/kernel/btf/vmlinux")
_MAGIC: Final = 0xEB9F
_STRUCT, _UNION, _FUNCTION = 4, 5, 12
# bytes after the common 12 of each kind, as (fixed, per member)
_EXTRA: Final = {1: (4, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8), 14: (4, 0), 15: (0, 12),
                 17: (4, 0), 19: (0, 12)}  # fmt: skip

WANTED: Final = {
    "task_fsbase": ("task_struct", "thread", "thread_struct", "fsbase"),
    "task_tgid": ("task_struct", "tgid"),
    "task_pid": ("task_struct", "pid"),
    "task_signal": ("task_struct", "signal"),
    "task_exit_code": ("task_struct", "exit_code"),
    "task_mm": ("task_struct", "mm"),
    "signal_live": ("signal_struct", "live"),
    "signal_group_exit_code": ("signal_struct", "group_exit_code"),
    "mm_arg_start": ("mm_struct", "arg_start"),
    "mm_arg_end": ("mm_struct", "arg_end"),
    "binprm_filename": ("linux_binprm", "filename"),
    "binprm_file": ("linux_binprm", "file"),
    "task_thread_pid": ("task_struct", "thread_pid"),
    "task_group_leader": ("task_struct", "group_leader"),
    "pid_level": ("pid", "level"),
    "pid_numbers": ("pid", "numbers"),
    "task_thread_status": ("task_struct", "thread_info", "thread_info", "status"),
    "task_files": ("task_struct", "files"),
    "files_table": ("files_struct", "fdt"),
    "table_files": ("fdtable", "fd"),
    "table_size": ("fdtable", "max_fds"),
    "file_inode": ("file", "f_inode"),
    "file_path": ("file", "f_path"),
    "file_private": ("file", "private_data"),
    "inode_mode": ("inode", "i_mode"),
    "socket_sock": ("socket", "sk"),
    "sock_family": ("sock_common", "skc_family"),
    "sock_port": ("sock_common", "skc_dport"),
    "sock_own_port": ("sock_common", "skc_num"),
    "sock_address": ("sock_common", "skc_daddr"),
    "sock_address6": ("sock_common", "skc_v6_daddr"),
    "task_fs": ("task_struct", "fs"),
    "fs_root": ("fs_struct", "root"),
    "fs_directory": ("fs_struct", "pwd"),
    "path_mount": ("path", "mnt"),
    "path_dentry": ("path", "dentry"),
    "dentry_parent": ("dentry", "d_parent"),
    "dentry_name": ("dentry", "d_name", "qstr", "name"),
    "mount_parent": ("mount", "mnt_parent"),
    "mount_point": ("mount", "mnt_mountpoint"),
    "mount_inner": ("mount", "mnt"),
    "inner_root": ("vfsmount", "mnt_root"),
    "mm_start_stack": ("mm_struct", "start_stack"),
    "inode_number": ("inode", "i_ino"),
}
# What kernels without io_uring, or older ones, do not have.
OPTIONAL: Final = {
    "uring_opcode": ("io_kiocb", "opcode"),
    "uring_ring": ("io_kiocb", "ctx"),
    "uring_descriptor": ("io_kiocb", "cqe", "io_cqe", "fd"),
    "uring_extra": ("io_kiocb", "async_data"),
    "uring_extra_address": ("io_async_msghdr", "addr"),
    "uring_filename": ("filename", "name"),
    "open_path": ("io_open", "filename"),
    "open_folder": ("io_open", "dfd"),
    "unlink_path": ("io_unlink", "filename"),
    "unlink_folder": ("io_unlink", "dfd"),
    "mkdir_path": ("io_mkdir", "filename"),
    "mkdir_folder": ("io_mkdir", "dfd"),
    "rename_path": ("io_rename", "oldpath"),
    "rename_path2": ("io_rename", "newpath"),
    "rename_folder": ("io_rename", "old_dfd"),
    "rename_folder2": ("io_rename", "new_dfd"),
    "link_path": ("io_link", "oldpath"),
    "link_path2": ("io_link", "newpath"),
    "link_folder": ("io_link", "old_dfd"),
    "link_folder2": ("io_link", "new_dfd"),
    "xattr_path": ("io_xattr", "filename"),
    "connect_address": ("io_connect", "addr"),
}


# What iterating over threads needs besides; without it only `pyxhon dump` is not to be had.
THREADS: Final = {
    "task_on_cpu": ("task_struct", "on_cpu"),
    "task_nvcsw": ("task_struct", "nvcsw"),
    "task_nivcsw": ("task_struct", "nivcsw"),
}
_THREAD_ITERATOR: Final = "bpf_iter_task"  # the function that declares it


def kernel_offsets() -> dict[str, int]:
    """Give the offset in bytes of each structure member in `WANTED`. Raises KernelError without BTF."""
    found = _read_offsets()
    return {name: found[name] for name in WANTED}


def optional_offsets() -> dict[str, int]:
    """Give the offsets of those members in `OPTIONAL` that this kernel has."""
    found = _read_offsets()
    return {name: found[name] for name in OPTIONAL if name in found}


def thread_iterator() -> tuple[int, dict[str, int]]:
    """Give the BTF id of the iterator over threads, and all offsets. Raises KernelError where there is none."""
    found = _read_offsets()
    missing = next((name for name in (_THREAD_ITERATOR, *THREADS) if name not in found), None)
    if missing:
        message = f"this kernel's BTF has no {missing}"
        raise KernelError(message, "Linux 5.15 or later with CONFIG_SMP is needed")
    return found[_THREAD_ITERATOR], found


@functools.cache
def _read_offsets() -> dict[str, int]:
    try:
        facts = _BTF.stat()
    except OSError:
        message = "this kernel has no /sys/kernel/btf/vmlinux"
        raise KernelError(message, "a kernel built with CONFIG_DEBUG_INFO_BTF is needed") from None
    name = f"btf-{platform.release()}-{facts.st_size}.json".replace("/", "_")
    key = f"{os.uname().version} {sorted(WANTED | OPTIONAL | THREADS)}"
    cached = read_cached(name)
    if cached is not None:
        try:
            kept = json.loads(cached)
            if kept["key"] == key:
                return {str(wanted): int(offset) for wanted, offset in kept["offsets"].items()}
        except (ValueError, KeyError, TypeError):
            pass  # damaged: read again below
    data = _BTF.read_bytes()
    offsets = _find_offsets(data) | _find_function(data, _THREAD_ITERATOR)
    write_cached(name, json.dumps({"key": key, "offsets": offsets}).encode())
    return offsets


def _find_offsets(data: bytes) -> dict[str, int]:
    paths = WANTED | OPTIONAL | THREADS
    members = _read_members(data, {path[index] for path in paths.values() for index in range(0, len(path), 2)})
    offsets = {}
    for name, path in paths.items():
        try:
            offsets[name] = sum(members[path[index]][path[index + 1]] for index in range(0, len(path), 2))
        except KeyError:
            if name not in WANTED:
                continue
            message = f"this kernel's BTF has no {'.'.join(path)}"
            raise KernelError(message, "please report the kernel version") from None
    return offsets


def _find_function(data: bytes, name: str) -> dict[str, int]:
    """Give {name: id}, empty where there is no such function."""
    text = _text_of(data)
    wanted = data.find(b"\0" + name.encode() + b"\0", text) + 1 - text
    for number, (_, name_offset, info) in enumerate(_types(data), 1):
        if name_offset == wanted and info >> 24 & 31 == _FUNCTION:
            return {name: number}
    return {}


def _text_of(data: bytes) -> int:
    """Give where the names lie."""
    header, strings = struct.unpack_from("<I8xI", data, 4)
    return int(header + strings)


def _types(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give (position of what follows the head, offset of the name, info) of every type, from number 1 on."""
    magic, _version, _flags, header, types, types_size = struct.unpack_from("<HBBIII", data)
    if magic != _MAGIC:
        message = "/sys/kernel/btf/vmlinux is not BTF"
        raise KernelError(message, "please report the kernel version")
    position, end = header + types, header + types + types_size
    unpack = struct.Struct("<II").unpack_from
    while position < end:
        name_offset, info = unpack(data, position)
        yield position + 12, name_offset, info
        fixed, per_member = _EXTRA.get(info >> 24 & 31, (0, 0))
        position += 12 + fixed + per_member * (info & 0xFFFF)


def _read_members(data: bytes, structs: set[str]) -> dict[str, dict[str, int]]:
    """Give {struct: {member: offset}}; members of anonymous structs and unions count as their parent's."""
    text = _text_of(data)
    anonymous: dict[int, tuple[int, int, int]] = {}
    wanted: dict[str, tuple[int, int, int]] = {}
    offsets_of_names = {data.find(b"\0" + name.encode() + b"\0", text) + 1 - text: name for name in structs}
    for number, (position, name_offset, info) in enumerate(_types(data), 1):
        count = info & 0xFFFF
        if info >> 24 & 31 in (_STRUCT, _UNION):
            entry = (position, count, info >> 31)
            if name_offset == 0:
                anonymous[number] = entry
            elif name_offset in offsets_of_names and count:
                wanted[offsets_of_names[name_offset]] = entry
    return {name: _flatten(data, text, entry, anonymous) for name, entry in wanted.items()}


def _flatten(
    data: bytes, text: int, entry: tuple[int, int, int], anonymous: dict[int, tuple[int, int, int]]
) -> dict[str, int]:
    position, count, has_bit_fields = entry
    found: dict[str, int] = {}
    for index in range(count):
        name_offset, kind, bits = struct.unpack_from("<III", data, position + 12 * index)
        offset = (bits & 0xFFFFFF if has_bit_fields else bits) // 8
        if name_offset:
            end = data.index(b"\0", text + name_offset)
            found[data[text + name_offset : end].decode()] = offset
        elif kind in anonymous:
            inner = _flatten(data, text, anonymous[kind], anonymous)
            found.update({name: offset + inside for name, inside in inner.items()})
    return found
