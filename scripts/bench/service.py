"""How many requests a second the demo's service answers: bare, watched by `pyxhon attach`, and by other means."""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measuring import (
    CHECKOUT,
    HOOK_FOLDER,
    Table,
    Tracer,
    ask_version,
    background,
    bpftrace_counting,
    cpu_seconds,
    parser,
    require_root,
    say,
    verdict,
    wait_for,
)

sys.path.insert(0, str(CHECKOUT))

from pyxhon.bpf import syscalls
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.runtime import find_runtime
from pyxhon.cpython.sites import find_sites
from pyxhon.target.elf import open_image

GOAL = 0.97
_APPLICATION = CHECKOUT / "scripts/demo_service"
_REQUIREMENTS = _APPLICATION / "requirements.txt"
_SYSTEM_PYTHON = Path("/usr/bin/python3")
_MIXES = {
    "`/orders` and `/forecast`": ["/orders", "/forecast"],
    "all pages": ["/orders", "/forecast", "/price?of=20", "/about"],
}
_WORKERS = 2
_CONNECTIONS = 4
_BARE, _TRACED, _AGAIN = "bare", "`pyxhon record PID`, steady state", "bare again"
_FRESH = "`pyxhon record PID`, from the moment it is attached"
# gunicorn's workers raise an os.utime with other arguments for each request: probes/ sends 2048 of them per worker
# before it counts the rest together.
_SETTLED = 3000 * _WORKERS
_LONGEST_SETTLING_S = 20
_FLOOR = "empty programs at the same places"
_KPROBE, _RAW_TRACEPOINT = 2, 17  # enum bpf_prog_type
_RETURN_ZERO = bytes.fromhex("b7000000000000009500000000000000")  # r0 = 0; exit


class _Upstream(BaseHTTPRequestHandler):
    """Answers what the service asks of others."""

    def do_GET(self) -> None:
        """Give a rate."""
        body = json.dumps({"rate": 2.5}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Take what is sent."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
        """Keep quiet."""


def make_environment() -> Path:
    """Give the demo's own virtual environment, made as scripts/demo makes it where it is missing."""
    version = subprocess.run([_SYSTEM_PYTHON, "--version"], capture_output=True, check=True).stdout
    key = hashlib.sha256(_REQUIREMENTS.read_bytes() + version).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "pyxhon" / f"demo-{key}"
    if not (folder / ".complete").exists():
        say(f"installing the service into {folder}")
        subprocess.run([_SYSTEM_PYTHON, "-m", "venv", "--clear", folder], check=True)
        install: list[str | Path] = [
            folder / "bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "-r",
            _REQUIREMENTS,
        ]
        subprocess.run(install, check=True)
        (folder / ".complete").touch()
    return folder


class Service:
    """The service, running; with `variables` in its environment."""

    def __init__(self, environment: Path, folder: Path, upstream: str, variables: dict[str, str]) -> None:
        shop = {"SHOP_FOLDER": str(folder), "SHOP_RATES_URL": upstream, "SHOP_STATISTICS_URL": upstream}
        proxies = {"NO_PROXY": "*", "no_proxy": "*", "PYTHONDONTWRITEBYTECODE": "1"}
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
            binding = ["--workers", str(_WORKERS), "--bind", f"fd://{listener.fileno()}", "app:app"]
            self.process = subprocess.Popen(
                [environment / "bin/gunicorn", "--log-level", "warning", *binding],
                cwd=_APPLICATION,
                env=os.environ | shop | proxies | variables,
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
            )
        wait_for(lambda: self.count_requests(["/orders"], 0.05) > 0, "the service's first answer", 0.2)

    def pids(self) -> list[str]:
        """Give its processes, the master first."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [str(self.process.pid), *(pid for task in tasks for pid in task.read_text(encoding="ascii").split())]

    def count_requests(self, pages: Sequence[str], seconds: float) -> int:
        """Ask one page after another in one thread; gives how many were answered."""
        deadline, count = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            with contextlib.suppress(OSError), contextlib.closing(connection):
                connection.request("GET", pages[count % len(pages)])
                answer = connection.getresponse()
                answer.read()
                count += answer.status == http.client.OK
        return count

    def cpu_seconds(self) -> float:
        """Give the processor time that its processes have used so far."""
        return sum(cpu_seconds(int(pid)) for pid in self.pids())

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def requests_per_second(service: Service, pages: Sequence[str], seconds: int) -> float:
    """Load the service from loopback, by wrk where there is one."""
    if not shutil.which("wrk"):
        counts: list[int] = []
        threads = [
            threading.Thread(target=lambda: counts.append(service.count_requests(pages, seconds)))
            for _ in range(_CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / seconds
    listed = ", ".join(f'"{page}"' for page in pages)
    script = (
        f"pages = {{{listed}}}\nn = 0\n"
        "request = function() n = n % #pages + 1; return wrk.format('GET', pages[n]) end\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        amount = ["-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s"]
        command = ["wrk", *amount, "-s", file.name, f"http://127.0.0.1:{service.port}/"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in answer:
        sys.exit(f"the service answered wrongly:\n{answer}")
    found = re.search(r"Requests/sec:\s*([\d.]+)", answer) or sys.exit(answer)
    return float(found[1])


@contextlib.contextmanager
def empty_programs(pid: int) -> Iterator[None]:
    """Attach programs that do nothing where PyXhon attaches its own: what the kernel alone takes for them."""
    runtime = find_runtime(pid)
    descriptors = [syscalls.load_program(kind, "empty", _RETURN_ZERO, 0) for kind in (_KPROBE, _RAW_TRACEPOINT)]
    try:
        with open_image(runtime.file_path) as image:
            for site in find_sites(image, runtime.version, load_layout(".".join(map(str, runtime.version)))).sites:
                offset = image.file_offset(site.address)
                assert offset is not None  # noqa: S101 - it was found in this file
                descriptors += syscalls.attach_uprobe(descriptors[0], runtime.file_path, offset, 0)
        descriptors += [syscalls.attach_raw_tracepoint(descriptors[1], name) for name in ("sys_enter", "sys_exit")]
        yield
    finally:
        syscalls.close_all(descriptors)


class Bench:
    """The ways to watch the service, and what was measured."""

    def __init__(self, bare: Service, hooked: Service, folder: Path, seconds: int) -> None:
        self.bare, self.hooked = bare, hooked
        self.trace = folder / "trace.pyxhon"
        self.seconds = seconds
        self.samples: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.prices: dict[tuple[str, str], list[float]] = defaultdict(list)  # processor time of a request
        self.tracer_cores: dict[tuple[str, str], list[float]] = defaultdict(list)

    def ways(self) -> dict[str, tuple[Service, Callable[[], AbstractContextManager[object]]]]:
        """Give the service to load and the tracer beside it, by name."""
        ways: dict[str, tuple[Service, Callable[[], AbstractContextManager[object]]]] = {
            _BARE: (self.bare, contextlib.nullcontext),
            _TRACED: (self.bare, lambda: Tracer(self.bare.process.pid, self.trace)),
            _FLOOR: (self.bare, lambda: empty_programs(self.bare.process.pid)),
            "trivial audit hook in the process": (self.hooked, contextlib.nullcontext),
            _AGAIN: (self.bare, contextlib.nullcontext),
        }
        if shutil.which("bpftrace"):
            command = bpftrace_counting(ask_version(_SYSTEM_PYTHON))
            ways["`bpftrace`, counting the same events"] = (
                self.bare,
                lambda: background(command, lambda line: line.startswith("ready")),
            )
        if shutil.which("strace"):
            ways["`strace -f`, output discarded"] = (self.bare, self._strace)
        return ways

    def _strace(self) -> AbstractContextManager[None]:
        pids = self.bare.pids()
        missing = set(pids)

        def is_ready(line: str) -> bool:
            missing.difference_update(re.findall(r"Process (\d+) attached", line))
            return not missing

        # killed, as it may wait for ever for a process to detach from; the kernel lets them go
        return background(["strace", "-f", "-o", os.devnull, *(f"-p{pid}" for pid in pids)], is_ready, signal.SIGKILL)

    def measure_round(self, mix: str) -> None:
        """Load the service once in each way."""
        for name, (service, tracer) in self.ways().items():
            with tracer() as running:
                if isinstance(running, Tracer):
                    self._settle(mix, running)
                else:
                    requests_per_second(service, _MIXES[mix], 1)
                used = cpu_seconds(running.process.pid) if isinstance(running, Tracer) else 0.0
                served = service.cpu_seconds()
                self.samples[mix, name].append(requests_per_second(service, _MIXES[mix], self.seconds))
                answered = self.samples[mix, name][-1] * self.seconds
                self.prices[mix, name].append((service.cpu_seconds() - served) / answered)
                if isinstance(running, Tracer):
                    self._note_cores(mix, _TRACED, cpu_seconds(running.process.pid) - used)

    def _settle(self, mix: str, tracer: Tracer) -> None:
        """Load the service until what happens only at first is over; the beginning is measured, too."""
        used, start = cpu_seconds(tracer.process.pid), time.monotonic()
        fresh = requests_per_second(self.bare, _MIXES[mix], self.seconds)
        self.samples[mix, _FRESH].append(fresh)
        self._note_cores(mix, _FRESH, cpu_seconds(tracer.process.pid) - used)
        answered = fresh * self.seconds
        while answered < _SETTLED and time.monotonic() < start + _LONGEST_SETTLING_S:
            answered += requests_per_second(self.bare, _MIXES[mix], 1)

    def _note_cores(self, mix: str, name: str, used_s: float) -> None:
        self.tracer_cores[mix, name].append(used_s / self.seconds)


def main() -> None:
    """Measure and print."""
    options = _options()
    require_root()
    table = Table(
        ["pages", "watched by", "requests/s", "of bare", "its processor time, µs/request", "tracer, cores", "goal"]
    )
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder, environment = Path(name), make_environment()
        _make_data(environment, folder)
        upstream = running.enter_context(_upstream())
        services = [Service(environment, folder, upstream, {})]
        running.callback(services[0].stop)
        services.append(Service(environment, folder, upstream, {"PYTHONPATH": str(HOOK_FOLDER)}))
        running.callback(services[1].stop)
        bench = Bench(services[0], services[1], folder, options.seconds)
        for mix in _MIXES:
            for number in range(options.rounds):
                say(f"{mix}: round {number + 1} of {options.rounds}")
                bench.measure_round(mix)
            _add_rows(bench, mix, table)
    client = f"wrk, {_CONNECTIONS} connections" if shutil.which("wrk") else f"{_CONNECTIONS} threads of http.client"
    table.notes.append(
        f"gunicorn with {_WORKERS} workers, loaded over loopback by {client}, on the same processors as the service "
        f"and the tracer. Medians of {options.rounds} rounds of {options.seconds} s in turn; steady state is after "
        f"{_SETTLED} requests; of bare: the median over the rounds. Goal: at least {GOAL} in the steady state."
    )
    table.print()


def _options() -> argparse.Namespace:
    options = parser(__doc__, rounds=4)
    options.add_argument("--seconds", type=int, default=3, help="how long each is loaded (default %(default)s)")
    return options.parse_args()


def _make_data(environment: Path, folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "shop.db")) as database, database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        database.executemany("INSERT INTO orders VALUES (?)", [(1,), (2,), (3,)])
    save = "import numpy, sys; numpy.save(sys.argv[1], numpy.arange(0.0, 20.0))"
    subprocess.run([environment / "bin/python", "-c", save, folder / "sales.npy"], check=True)


@contextlib.contextmanager
def _upstream() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _add_rows(bench: Bench, mix: str, table: Table) -> None:
    bare = bench.samples[mix, _BARE]
    for name in (_BARE, _FRESH, *list(bench.ways())[1:]):
        values = bench.samples[mix, name]
        ratio = statistics.median(value / beside for value, beside in zip(values, bare, strict=True))
        cores = bench.tracer_cores.get((mix, name))
        prices = bench.prices.get((mix, name))
        price = f"{statistics.median(prices) * 1e6:.0f}" if prices else ""
        judged = verdict(is_met=ratio >= GOAL) if name == _TRACED else ""
        shown = f"{statistics.median(cores):.2f}" if cores else ""
        table.add(mix, name, f"{statistics.median(values):.0f}", f"{ratio:.3f}", price, shown, judged)


if __name__ == "__main__":
    main()
