"""Makes system calls of one kind, named by the first argument, without audit events but for what it says of itself."""

import ctypes
import os
import socket
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)


def say(text):
    print(text, flush=True)


def wait():
    say("ready")
    sys.stdin.readline()


def serve(count):
    """Answer a number of clients, each from another port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    address = listener.getsockname()

    def ask():
        for _ in range(count):
            with socket.create_connection(address) as client:
                client.send(b"?")
                client.recv(1)

    wait()
    clients = threading.Thread(target=ask)
    clients.start()
    for _ in range(count):
        accepted, _ = listener.accept()
        accepted.recv(1)
        accepted.send(b"!")
        accepted.close()
    clients.join()
    say(address[1])


def pose_as_server(count):
    """Send to some servers over connections that were "accepted at" before, which fails."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    wait()
    for listener in listeners:
        with socket.create_connection(listener.getsockname()) as client:
            LIBC.accept4(client.fileno(), None, None, 0)
            client.send(b"!")
    say(" ".join(str(listener.getsockname()[1]) for listener in listeners))


def rename(first, second):
    """Rename from one folder to another, both by descriptor; neither file is there."""
    one, other = os.open(first, os.O_RDONLY), os.open(second, os.O_RDONLY)
    wait()
    LIBC.renameat(one, b"no-such", other, b"neither")


def relative(folder):
    """Use the same relative path in two folders."""
    os.chdir(folder)
    wait()
    for name in ("one", "two"):
        os.mkdir(name)
        os.chdir(name)
        LIBC.mkdir(b"inner", 0o700)
        os.chdir("..")


def removed_folders(count, folder):
    """Use the same relative path in many folders, each removed before the next is made."""
    wait()
    for number in range(count):
        path = os.fsencode(os.path.join(folder, str(number)))
        LIBC.mkdir(path, 0o700)
        LIBC.chdir(path)
        LIBC.unlink(b"inner")
        LIBC.chdir(b"/")
        LIBC.rmdir(path)
        if number % 4 == 3:
            time.sleep(0.03)  # the kernel frees them a moment later


def removed_files(count, folder):
    """Change many files by the same descriptor, each removed before the next is made."""
    wait()
    for number in range(count):
        path = os.fsencode(os.path.join(folder, str(number)))
        descriptor = LIBC.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        LIBC.fchmod(descriptor, 0o640)
        LIBC.close(descriptor)
        LIBC.unlink(path)
        if number % 4 == 3:
            time.sleep(0.03)


def threads(count, folder):
    """Make a folder in each of many threads that are there already."""
    started, go = threading.Semaphore(0), threading.Event()

    def work(number):
        started.release()
        go.wait()
        LIBC.mkdir(os.fsencode(os.path.join(folder, str(number))), 0o700)

    all_threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in all_threads:
        thread.start()
    for _ in all_threads:
        started.acquire()
    wait()
    go.set()
    for thread in all_threads:
        thread.join()


def flood(count, path):
    """Make one real act in the middle of very many that fail."""
    wait()
    half = count // 2
    for _ in range(half):
        LIBC.unlink(b"/nonexistent/flood")
    LIBC.mkdir(os.fsencode(path), 0o700)
    for _ in range(count - half):
        LIBC.unlink(b"/nonexistent/flood")


def flood_of_paths(count, path):
    """The same with another path each time."""
    wait()
    half = count // 2
    for number in range(half):
        LIBC.unlink(b"/nonexistent/%d" % number)
    LIBC.mkdir(os.fsencode(path), 0o700)
    for number in range(half, count):
        LIBC.unlink(b"/nonexistent/%d" % number)


def flood_of_callers(library, path):
    """The same from another depth of the stack each time."""
    deep = ctypes.CDLL(library).distinct
    deep.argtypes = (ctypes.c_long, ctypes.c_long)
    wait()
    for number in range(10):
        deep(2000, number * 2000)
    LIBC.mkdir(os.fsencode(path), 0o700)


def times(path):
    """Set ever other times."""
    wait()
    for number in range(100):
        os.utime(path, (number + 0.5, number + 0.5))


def connect(port):
    """Connect from Python, and from C."""
    wait()
    with socket.socket() as client:
        client.connect(("127.0.0.1", port))
    descriptor = LIBC.socket(2, 1, 0)
    address = b"\2\0" + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    LIBC.connect(descriptor, address, 16)


KINDS = (
    serve,
    pose_as_server,
    rename,
    relative,
    removed_folders,
    removed_files,
    threads,
    flood,
    flood_of_paths,
    flood_of_callers,
    times,
    connect,
)
chosen = next(kind for kind in KINDS if kind.__name__ == sys.argv[1])
chosen(*(int(word) if word.isdigit() else word for word in sys.argv[2:]))
