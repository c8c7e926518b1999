"""Ordinary work of which much is named otherwise in each run; with an argument also what it never did before."""

import os
import socket
import subprocess
import sys
import tempfile
import threading

FOLDER = os.path.dirname(os.path.abspath(__file__))


def keep(folder):
    for number in range(7):
        with open(os.path.join(folder, "part%s.txt" % "abcdefg"[number]), "w") as file:
            file.write("x")
    with open("/tmp/does-its-work-%d.lock" % os.getpid(), "w") as file:
        file.write("x")
    os.remove("/tmp/does-its-work-%d.lock" % os.getpid())


def serve(server):
    connection, _ = server.accept()
    connection.sendall(b"hello")
    connection.close()


def talk():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    client = socket.create_connection(server.getsockname())
    client.recv(5)
    client.close()
    thread.join()
    server.close()


def plant(what):
    if what == "file":
        open("/etc/shells").read()
    elif what == "command":
        subprocess.call(["/bin/true", "planted"])


def main():
    with tempfile.TemporaryDirectory(prefix="work-") as folder:
        keep(folder)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
    with open("/proc/%d/status" % os.getpid()) as file:
        file.read()
    talk()
    subprocess.check_call([sys.executable, "-c", "pass"])
    for what in sys.argv[1:]:
        plant(what)
    print("done")


main()
