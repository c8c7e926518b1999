"""A service that nobody here wrote, with threads and pre-forked workers, goes on as ever while it is traced."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from dataclasses import dataclass, field

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT
from tests.kernel.commands import eventually, has_event, pyxhon, started
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

POLICY = "version: 1\npackages:\n  application: {allow: N-D-O-B}\n  '*': {allow: F-N-D-O-B}\n"
ACCEPTING = "version: 1\npackages:\n  '*': {allow: F-N-D-O-B}\n"
CLIENTS = 4
BREAK_S = 0.02  # between two requests of a client
REQUEST = "/nonexistent/request-"
# A worker that is replaced while what it ran before is being read has ended. Code is copied where there is room for it.
HARMLESS = {
    "python_stack_truncated", "native_stack_truncated", "earlier_functions_unread", "code_ring_full",
    "code_not_captured", "code_incomplete",
}  # fmt: skip


@dataclass
class Clients:
    """Ask the service from several threads at once, and note what is not answered as it must be."""

    address: str
    pids: set[int] = field(default_factory=set)
    threads: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    answered: int = 0
    _numbers: itertools.count = field(default_factory=itertools.count)
    _state: threading.Condition = field(default_factory=threading.Condition)
    _is_over: bool = False
    _is_paused: bool = False
    _asking: int = 0
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self):
        self._running = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over = True
        self.go_on()
        for thread in self._running:
            thread.join()

    def _run(self):
        while not self._is_over:
            with self._state:
                self._state.wait_for(lambda: self._is_over, BREAK_S)
                self._state.wait_for(lambda: not self._is_paused)
                number = next(self._numbers)
                self._asking += 1
            try:
                said = fetch(f"{self.address}/double/{number}")
            except (OSError, ValueError) as error:
                said = {"answer": repr(error), "pid": None, "thread": None}
            with self._state:
                self._asking -= 1
                self._state.notify_all()
                self.answered += 1
                self.pids.add(said["pid"])
                self.threads.add(said["thread"])
                if said["answer"] != number * 2:
                    self.wrong.append(f"{number}: {said}")

    def pause(self):
        """Let what was asked be answered, and ask no more."""
        with self._state:
            self._is_paused = True
            self._state.wait_for(lambda: not self._asking)

    def go_on(self):
        """Ask again."""
        with self._state:
            self._is_paused = False
            self._state.notify_all()


def fetch(address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=30) as response:
        return json.load(response)


@pytest.fixture(scope="module")
def environment():
    """The demo's: gunicorn, Flask and numpy from the package index."""
    made = subprocess.run([CHECKOUT / "scripts/make_demo_environment"], stdout=subprocess.PIPE, text=True, check=True)
    return made.stdout.strip()


@pytest.fixture
def service(environment, tmp_path):
    """The service with two workers of four threads each; gives its master and its address."""
    folder = tmp_path / "service"  # not in the checkout, whose files belong to the distribution pyxhon
    folder.mkdir()
    shutil.copy(PROGRAMS / "service.py", folder)
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with socket.socket() as listener, (tmp_path / "log").open("wb") as log:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        bind = ["--bind", f"fd://{listener.fileno()}"]
        command = [f"{environment}/bin/gunicorn", "--workers", "2", "--threads", "4", *bind, "service:app"]
        how = {"cwd": folder, "pass_fds": [listener.fileno()], "env": settings, "start_new_session": True}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **how) as master:
            try:
                yield master, address
            finally:
                master.terminate()
                master.wait()


def test_a_threaded_pre_forking_service_is_traced_whole_and_not_disturbed(service, tmp_path):
    master, address = service
    trace, policy = tmp_path / "t.pyxhon", tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with Clients(address) as clients:
        eventually(lambda: len(clients.pids - {None}) == 2, master)
        clients.wrong.clear()  # from before it listened
        options = ["-q", "--policy", policy, "-o", trace, "--report", tmp_path / "report"]
        with started("attach", *options, "--buffer", "64M", master.pid) as tracer:
            eventually(lambda: has_event(trace, "open", REQUEST), tracer)
            clients.pids.clear()
            eventually(lambda: len(clients.pids) == 2, tracer)
            before = clients.answered
            renew_workers(master, clients, tracer)
            clients.pause()
            watched, pids = clients.answered - before, set(clients.pids)
            tracer.send_signal(signal.SIGINT)
            clients.go_on()
        detached = clients.answered
        eventually(lambda: clients.answered > detached + 100, master)

    assert clients.wrong == []
    assert tracer.returncode == 3
    policy.write_text(ACCEPTING)
    assert pyxhon("report", trace, "--policy", policy).returncode == 0
    assert len(pids) >= 4
    check_trace(trace, pids, clients, (watched, clients.answered))


def renew_workers(master, clients, tracer):
    """Have one more worker, and one killed and replaced, while no request is under way."""
    old = set(clients.pids)
    master.send_signal(signal.SIGTTIN)
    eventually(lambda: len(clients.pids) == 3, tracer)
    clients.pause()
    os.kill(min(old), signal.SIGKILL)
    clients.go_on()
    eventually(lambda: len(clients.pids) == 4, tracer)


def _is_opened(row):
    return (row.kind, row.name) == ("audit", "open") and REQUEST in str(row.arguments[0])


def check_trace(trace, pids, clients, bounds):
    with open_trace(trace) as reader:
        processes = {row.id: row for row in reader.processes()}
        requests = [row for row in reader.events() if _is_opened(row)]
        threads = {row.tid for row in reader.threads()}
        assert {row.reason for row in reader.losses()} <= HARMLESS
        for row in reader.counters():
            assert row.seen == row.stored + row.repeated + row.lost, row
    assert pids <= {processes[row.process].pid for row in requests}
    assert {row.origin for row in processes.values() if row.pid in pids} == {"attach", "fork"}
    assert bounds[0] <= sum(row.count for row in requests) <= bounds[1]
    assert {row.tid for row in requests} <= threads & clients.threads
    assert all(row.interpreter for row in processes.values())
