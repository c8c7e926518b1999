"""The operations of io_uring: which are wanted, and where the kernel keeps their arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyxhon.controls import ABSENT, OperationPlaces, OperationRule

NO_ARGUMENT: Final = 255
_BOTH: Final = ("oldpath", "newpath")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its number (include/uapi/linux/io_uring.h) and the names of its arguments in `btf.OPTIONAL`."""

    number: int
    name: str
    paths: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    has_address: bool = False
    has_peer: bool = False
    path_names: tuple[str, ...] = ("path",)


OPERATIONS: Final = (
    Operation(9, "sendmsg", has_peer=True),
    Operation(13, "accept"),
    Operation(16, "connect", has_address=True),
    Operation(18, "openat", ("open_path",), ("open_folder",)),
    Operation(26, "send", has_peer=True),
    Operation(28, "openat2", ("open_path",), ("open_folder",)),
    Operation(35, "renameat", ("rename_path", "rename_path2"), ("rename_folder", "rename_folder2"), path_names=_BOTH),
    Operation(36, "unlinkat", ("unlink_path",), ("unlink_folder",)),
    Operation(37, "mkdirat", ("mkdir_path",), ("mkdir_folder",)),
    Operation(38, "symlinkat", ("link_path", "link_path2"), ("", "link_folder2"), path_names=("target", "linkpath")),
    Operation(39, "linkat", ("link_path", "link_path2"), ("link_folder", "link_folder2"), path_names=_BOTH),
    Operation(42, "setxattr", ("xattr_path",)),
    Operation(45, "socket"),
    Operation(46, "uring_cmd"),
    Operation(47, "send_zc", has_peer=True),
    Operation(48, "sendmsg_zc", has_peer=True),
    Operation(55, "ftruncate"),
    Operation(56, "bind", has_address=True),
    Operation(57, "listen"),
)
_BY_NUMBER: Final = {operation.number: operation for operation in OPERATIONS}


def find_operation(number: int) -> Operation | None:
    """Give the operation of a number; None for one that is not wanted."""
    return _BY_NUMBER.get(number)


def operation_rules(offsets: Mapping[str, int]) -> dict[int, OperationRule]:
    """Give the rule of each wanted operation, by its number, from the offsets that this kernel has."""

    def place(names: tuple[str, ...], index: int) -> int:
        return offsets.get(names[index], NO_ARGUMENT) if index < len(names) else NO_ARGUMENT

    return {
        operation.number: OperationRule(
            is_wanted=1,
            path=place(operation.paths, 0),
            path2=place(operation.paths, 1),
            folder=place(operation.folders, 0),
            folder2=place(operation.folders, 1),
            address=offsets.get("connect_address", NO_ARGUMENT) if operation.has_address else NO_ARGUMENT,
            has_peer=int(operation.has_peer),
            reserved=0,
        )
        for operation in OPERATIONS
    }


def operation_places(offsets: Mapping[str, int]) -> OperationPlaces | None:
    """Give where a request keeps what all operations have; None where this kernel does not tell."""
    needed = ("opcode", "ring", "descriptor", "filename")
    if any(f"uring_{name}" not in offsets for name in needed):
        return None
    names = (*needed, "extra", "extra_address")
    return OperationPlaces(**{name: offsets.get(f"uring_{name}", ABSENT) for name in names})
