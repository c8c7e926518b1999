"""Does the same every time, and has every kind of name and number that differs from run to run: tests of `pyxhon diff`.

With an argument it also does one thing more.
"""

import hashlib
import http.server
import multiprocessing.shared_memory
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def temporary_names():
    descriptor, path = tempfile.mkstemp(prefix="report-", suffix=".csv")
    os.close(descriptor)
    os.remove(path)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "inner.txt"), "w") as file:
            file.write("x")
        database = sqlite3.connect(os.path.join(folder, "data.sqlite"))
        database.execute("CREATE TABLE t (x)")
        database.close()
    with tempfile.NamedTemporaryFile() as file:
        os.stat(file.name)


def names_made_of_numbers():
    folder = tempfile.gettempdir()
    names = [str(uuid.uuid4()), hashlib.sha256(os.urandom(8)).hexdigest(), "p%d.pid" % os.getpid(), "t%d" % time.time()]
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "w"):
            pass
        os.remove(path)
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=64)
    memory.close()
    memory.unlink()


def processes():
    with open("/proc/%d/status" % os.getpid()) as file:
        file.read()
    with open("/proc/self/task/%d/comm" % threading.get_native_id()) as file:
        file.read()
    script = "import time; print('ready', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-S", "-c", script], stdout=subprocess.PIPE)
    child.stdout.readline()  # so that each run of it does the same
    os.kill(child.pid, 15)
    child.communicate()


def ports():
    with http.server.HTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for _ in range(2):
            urllib.request.urlopen("http://127.0.0.1:%d/" % server.server_port).close()
        server.shutdown()
        thread.join()
    receiver, sender = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    sender.sendto(b"x", receiver.getsockname())
    receiver.close()
    sender.close()


def memory():
    exec(compile("x = 1", "<object at %#x>" % id(object()), "exec"), {})


for work in (temporary_names, names_made_of_numbers, processes, ports, memory):
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
if sys.argv[1:]:
    with open(sys.argv[1]):
        pass
