"""Open files and sockets of a process, told by what they lead to."""

import os
import socket
import subprocess
import threading

import pytest

from pyxhon.errors import TargetError
from pyxhon.target.open_files import OpenFile, decode_address, list_open_files


def _own(descriptor: int) -> OpenFile:
    return next(file for file in list_open_files(os.getpid()) if file.fd == descriptor)


def test_a_file_has_its_path(tmp_path):
    with (tmp_path / "name with space").open("w") as file:
        found = _own(file.fileno())

    assert (found.kind, found.path) == ("file", str(tmp_path / "name with space"))


def test_a_deleted_file_says_so(tmp_path):
    with (tmp_path / "gone").open("w") as file:
        (tmp_path / "gone").unlink()
        found = _own(file.fileno())

    assert found.path == str(tmp_path / "gone")
    assert found.description.endswith("(deleted)")


def test_a_connection_has_a_peer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            found, listening = _own(client.fileno()), _own(server.fileno())

    assert (found.kind, found.peer) == ("socket", f"127.0.0.1:{port}")
    assert found.description.endswith("established")
    assert (listening.peer, listening.description) == (None, f"tcp 127.0.0.1:{port} listening")


def test_a_udp_socket_on_ipv6_has_a_peer():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.connect(("::1", 9))
        found = _own(sender.fileno())

    assert found.peer == "[::1]:9"


def test_a_unix_socket_has_its_path(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        found = _own(server.fileno())

    assert (found.kind, found.path) == ("socket", str(tmp_path / "socket"))


def test_descriptors_without_a_path_have_a_kind():
    read, write = os.pipe()
    memory = os.memfd_create("secret")
    folder = os.open("/", os.O_RDONLY)

    kinds = [_own(descriptor).kind for descriptor in (read, write, memory, folder)]

    for descriptor in (read, write, memory, folder):
        os.close(descriptor)
    assert kinds == ["pipe", "pipe", "memfd", "directory"]


def test_descriptors_that_come_and_go_are_no_error():
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            os.close(os.open("/", os.O_RDONLY))

    thread = threading.Thread(target=churn)
    thread.start()
    for _ in range(50):
        list_open_files(os.getpid())
    stop.set()
    thread.join()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F:0050", "127.0.0.1:80"),
        ("00000000000000000000000001000000:1F90", "[::1]:8080"),
        ("0000000000000000FFFF00000100007F:0050", "127.0.0.1:80"),
        ("0100007F", None),
        ("0100007F:0050x", None),
        ("", None),
    ],
)
def test_kernel_addresses_are_decoded(text, address):
    assert decode_address(text) == address


def test_an_ended_process_is_an_error():
    child = subprocess.Popen(["true"])
    child.wait()

    with pytest.raises(TargetError, match="ended"):
        list_open_files(child.pid)
