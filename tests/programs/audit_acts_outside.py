"""Acts that raise audit events and reach beyond the interpreter: one function per subject."""

import ctypes
import fcntl
import ftplib
import http.client
import os
import resource
import smtplib
import socket
import sqlite3
import subprocess
import sys
import syslog
import threading
import urllib.request

from audit_attempt import attempt


def foreign_functions(folder):
    library = ctypes.CDLL(None)
    attempt(ctypes.CDLL, "./nothing-here.so")
    library.getpid()
    library.strlen.restype = ctypes.c_size_t
    library.strlen(b"text")
    attempt(getattr, library, "no_such_symbol")
    attempt(library.__getitem__, 1)
    buffer = ctypes.create_string_buffer(b"text")
    ctypes.create_unicode_buffer("text")
    ctypes.addressof(buffer)
    ctypes.string_at(buffer)
    ctypes.wstring_at(ctypes.create_unicode_buffer("wide"))
    ctypes.c_int.from_address(ctypes.addressof(ctypes.c_int(5)))
    ctypes.c_int.from_buffer(bytearray(8))
    ctypes.c_int.from_buffer_copy(b"12345678", 4)
    ctypes.set_errno(ctypes.get_errno())
    ctypes.c_int.in_dll(ctypes.pythonapi, "Py_OptimizeFlag")
    called = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: id(number) and 0)
    called(1)


def sockets(folder):
    one, two = socket.socketpair()
    with one, two:
        one.sendmsg([b"x"])
        two.recv(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.bind(("127.0.0.1", 0))
        datagram.sendto(b"x", datagram.getsockname())
        datagram.connect(("127.0.0.1", 9))
        attempt(datagram.sendmsg, [b"x"], (), 0, ("127.0.0.1", 9))
    with socket.socket(socket.AF_UNIX) as local:
        attempt(local.bind, os.path.join(folder, "socket"))
        attempt(local.connect, "\0no such abstract name")
        attempt(local.connect_ex, os.path.join(folder, "no socket"))
    with socket.socket(socket.AF_INET6) as sixth:
        attempt(sixth.bind, ("::1", 0))
    for name, arguments in (
        ("getaddrinfo", ("127.0.0.1", 80)),
        ("gethostbyname", ("127.0.0.1",)),
        ("gethostname", ()),
        ("gethostbyaddr", ("127.0.0.1",)),
        ("getservbyname", ("http",)),
        ("getservbyport", (80,)),
        ("getnameinfo", (("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)),
        ("getaddrinfo", (b"127.0.0.1", "80")),
        ("gethostbyname_ex", ("127.0.0.1",)),
    ):
        attempt(getattr(socket, name), *arguments)


def clients(folder):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(8)
    port = server.getsockname()[1]

    def serve():
        for answer in (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", b"220 ready\r\n221 bye\r\n", b"220 ready\r\n"):
            with server.accept()[0] as connection:
                connection.sendall(answer)
                while connection.recv(4096) and not answer.startswith(b"HTTP"):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    urllib.request.urlopen("http://127.0.0.1:%d/path?query" % port).close()
    with smtplib.SMTP() as smtp:
        smtp.connect("127.0.0.1", port)
    ftp = ftplib.FTP()
    ftp.connect("127.0.0.1", port)
    ftp.close()
    thread.join()
    server.close()
    attempt(http.client.HTTPConnection("127.0.0.1", port, timeout=1).request, "GET", "/")


def start_python(*arguments):
    subprocess.run([sys.executable, *arguments], check=True)


def processes(folder):
    os.system("exit 3")
    subprocess.run(["true"], env={"PATH": os.environ["PATH"], "A": "\u20ac"}, cwd=folder)
    attempt(subprocess.run, [os.path.join(folder, "no program")])
    os.waitpid(os.posix_spawn("/bin/true", ["true", "argument"], os.environ), 0)
    os.spawnv(os.P_WAIT, "/bin/true", ["true"])
    os.kill(os.getpid(), 0)
    os.killpg(os.getpgid(0), 0)
    pid, descriptor = os.forkpty()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(descriptor)


def descriptors(folder):
    with open(os.path.join(folder, "locked"), "w") as file:
        fcntl.fcntl(file, fcntl.F_GETFL)
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX)
        attempt(fcntl.ioctl, file, 0x5401, b"\0" * 60)
        os.lockf(file.fileno(), os.F_LOCK, 1)
    resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))
    resource.prlimit(0, resource.RLIMIT_CORE)
    syslog.setlogmask(syslog.LOG_UPTO(syslog.LOG_DEBUG))
    syslog.openlog("pyxhon")
    syslog.syslog("one line")
    syslog.closelog()


def databases(folder):
    database = sqlite3.connect(os.path.join(folder, "database"))
    attempt(lambda: database.enable_load_extension(True))
    attempt(lambda: database.load_extension("nothing"))
    database.close()
