"""Data sent by calls that need not be about sockets, and paths that are hard to read."""

import os
import socket

from planting import act


def write_on_socket(plan):
    dll, port = plan.load("sockets"), plan.open_port()
    plan.does(lambda: dll.write_to(port), act("connect", port=port, by=dll), act("write", port=port, by=dll))


def write_parts_on_socket(plan):
    dll, port = plan.load("sockets"), plan.open_port()
    plan.does(lambda: dll.write_parts_to(port), act("connect", port=port, by=dll), act("writev", port=port, by=dll))


def write_on_duplicate(plan):
    dll, port = plan.load("sockets"), plan.open_port()
    plan.does(lambda: dll.write_to_duplicate(port), act("connect", port=port, by=dll), act("write", port=port, by=dll))


def write_on_inherited_socket(plan):
    dll, port = plan.load("sockets"), plan.open_port()
    plan.does(
        lambda: dll.write_from_child(port),
        act("connect", port=port, by=dll),
        act("write", port=port, by=dll, level="detached", made_by=dll),
    )


def message_with_address(plan):
    dll, port = plan.load("sockets"), plan.open_port(socket.SOCK_DGRAM)
    plan.does(lambda: dll.send_message_to(port), act("sendmsg", port=port, by=dll))


def passed_descriptor(plan):
    """One DLL connects and passes the connection on, another one writes to it."""
    sender, receiver, port = plan.load("sockets"), plan.load("receiver"), plan.open_port()
    here, there = socket.socketpair()
    plan.does(
        lambda: sender.pass_connection(here.fileno(), port),
        act("connect", port=port, by=sender),
        act("sendmsg", by=sender),
    )
    plan.does(lambda: receiver.write_to_passed(there.fileno()), act("write", port=port, by=receiver))


def relative_to_folder(plan):
    dll, path, other = plan.load("paths"), plan.path(), plan.path()
    folder = plan.keep(plan.folder)
    name, other_name = (plan.keep(os.path.basename(os.fsdecode(one.value))) for one in (path, other))
    plan.does(lambda: dll.create_in_folder(folder, name), act("openat", path=path, by=dll, leaves="file"))
    plan.does(lambda: dll.remove_in_folder(folder, other_name), act("unlinkat", path=other, by=dll))


def beyond_a_root(plan):
    """A path from a folder that cannot be reached from the program's own root."""
    dll, path = plan.load("paths"), plan.path()
    root, folder = plan.keep(os.path.join(plan.folder, "root")), plan.keep(plan.folder)
    os.mkdir(root.value)
    name, shown = plan.keep(os.path.basename(os.fsdecode(path.value))), "(unreachable)" + os.fsdecode(path.value)
    plan.does(
        lambda: dll.remove_beyond_root(root, folder, name),
        act("unlinkat", path=shown, by=dll, level="detached", made_by=dll),
    )


def relative_to_working_folder(plan):
    dll, path = plan.load("plain"), plan.path()
    name = plan.keep(os.path.basename(os.fsdecode(path.value)))
    os.chdir(plan.folder)
    plan.does(lambda: dll.remove_path(name), act("unlink", path=path, by=dll))


def cold_constant(plan):
    """A path on a page of the DLL that was never touched: what looks first finds nothing."""
    dll, path = plan.load("paths"), plan.path("cold-constant")
    os.chdir(plan.folder)
    plan.does(lambda: dll.remove_cold_constant(), act("unlink", path=path, by=dll))


def cold_page(plan):
    dll, path, source = plan.load("paths"), plan.path(), plan.path("source")
    with open(source.value, "wb") as file:
        file.write(path.value + b"\0")
    plan.does(lambda: dll.remove_path_in_file(source), act("unlink", path=path, by=dll))


def across_a_cold_page(plan):
    dll, path, source = plan.load("paths"), plan.path(), plan.path("source")
    offset = 4096 - len(path.value) // 2
    with open(source.value, "wb") as file:
        file.write(b"\0" * offset + path.value + b"\0" * 4096)
    plan.does(lambda: dll.remove_path_across_pages(source, offset), act("unlink", path=path, by=dll))


def longest_path(plan):
    """As long as the kernel takes it."""
    dll, path = plan.load("paths"), plan.path()
    long = plan.keep((os.fsdecode(path.value) + ("/" + "x" * 200) * 30)[:4095])
    plan.does(
        lambda: dll.remove_long_path(long),
        act("unlink", args={"path": os.fsdecode(long.value)}, by=dll, may_be_cut=True),
    )


def dots_in_path(plan):
    dll, path = plan.load("paths"), plan.path()
    os.mkdir(os.path.join(plan.folder, "folder"))
    indirect = plan.keep(os.path.join(plan.folder, "folder", "..", ".", os.path.basename(os.fsdecode(path.value))))
    plan.does(lambda: dll.remove_long_path(indirect), act("unlink", path=path, by=dll, may_have_dots=True))


TECHNIQUES = (
    write_on_socket,
    write_parts_on_socket,
    write_on_duplicate,
    write_on_inherited_socket,
    message_with_address,
    passed_descriptor,
    relative_to_folder,
    beyond_a_root,
    relative_to_working_folder,
    cold_constant,
    cold_page,
    across_a_cold_page,
    longest_path,
    dots_in_path,
)
