"""Does through Python's own functions what the audit table has events for, each from a function of its own."""

import ctypes
import glob
import mmap
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading


def explained_files():
    open("file", "w").close()
    os.listdir(".")
    list(os.scandir("."))
    glob.glob("*")
    os.utime("file")
    os.chmod("file", 0o600)
    os.chown("file", os.getuid(), os.getgid())
    os.truncate("file", 3)
    os.link("file", "link")
    os.symlink("file", "symbolic")
    os.rename("link", "renamed")
    os.replace("renamed", "renamed2")
    os.remove("renamed2")
    os.mkdir("folder")
    os.rmdir("folder")
    shutil.copy2("file", "copy")
    os.makedirs("tree/branch")
    shutil.rmtree("tree")
    folder = os.open(".", os.O_RDONLY)
    os.unlink("copy", dir_fd=folder)
    os.mkdir("folder", dir_fd=folder)
    os.rmdir("folder", dir_fd=folder)
    os.chdir(folder)


def explained_network():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.sendto(b"x", ("127.0.0.1", 9))
    datagrams.sendmsg([b"x"], [], 0, ("127.0.0.1", 9))
    datagrams.connect(("127.0.0.1", 9))
    socket.getaddrinfo("localhost", 80)
    socket.gethostbyname("localhost")
    socket.getservbyname("http")


def explained_processes():
    os.kill(os.getpid(), 0)
    signal.pthread_kill(threading.get_ident(), 0)
    os.system("true")
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def explained_memory():
    ctypes.CDLL("libresolv.so.2")
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def unexplained():
    """Acts for which Python has no event."""
    os.mkfifo("fifo")
    pair = socket.socketpair()
    pair[0].send(b"x")
    listener = socket.socket()
    listener.listen()
    ctypes.CDLL(None).unlink(b"symbolic")


os.chdir(sys.argv[1])
for act in (explained_files, explained_network, explained_processes, explained_memory, unexplained):
    act()
