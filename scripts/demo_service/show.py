"""Runs the demo's service, sends it real requests, and lets `pyxhon attach` watch it from outside."""

import argparse
import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
_CHECKOUT = _FOLDER.parent.parent
_POLICY = _FOLDER / "policy.yaml"
_WORKERS = 3
_WATCH_S = 5
_READY_S = 30
_COULD_NOT, _CODE_REVIEW = 1, 3

# What the service must answer, traced or not.
_ANSWERS: dict[str, dict[str, object]] = {
    "/orders": {"orders": 3},
    "/forecast": {"tomorrow": 20.0},
    "/price?of=20": {"price": 50.0},
    "/about": {"system": os.uname().sysname},
}


class _Upstream(BaseHTTPRequestHandler):
    """Answers the service's own requests, to the exchange rates and to the statistics alike."""

    def do_GET(self) -> None:
        """Give today's rate."""
        self._answer({"rate": 2.5})

    def do_POST(self) -> None:
        """Take what is sent."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
        """Keep quiet."""

    def _answer(self, content: dict[str, float]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Visitor(threading.Thread):
    """Asks for every page in turn until told to stop, and keeps what was not answered as it must be."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.visits = 0
        self.wrong: list[str] = []
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Visit, a few dozen pages a second."""
        for page, expected in itertools.cycle(_ANSWERS.items()):
            if self._stop_asked.wait(0.02):
                return
            self.visits += 1
            try:
                answer = _fetch(self.address + page)
            except (OSError, ValueError) as error:
                self.wrong.append(f"{page}: {error}")
                continue
            if answer != expected:
                self.wrong.append(f"{page}: {answer} instead of {expected}")

    def visit_all(self) -> None:
        """Wait until every page was visited once more."""
        before = self.visits
        while self.is_alive() and self.visits < before + len(_ANSWERS) + 1:
            time.sleep(0.01)

    def stop(self) -> None:
        """End after the page being fetched."""
        self._stop_asked.set()
        self.join()


def main() -> int:
    """Show it all; 0 when the report was made and every answer was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", type=Path, help="the virtual environment of the service")
    parser.add_argument("folder", type=Path, help="where the service's data and the trace go")
    options = parser.parse_args()
    trace = options.folder / "demo.pyxhon"
    with ExitStack() as running:
        master, address = running.enter_context(running_service(options.environment, options.folder))
        _say(f"gunicorn {master.pid} and its {_WORKERS} workers serve {address}")
        visitor = Visitor(address)
        visitor.start()
        running.callback(visitor.stop)
        # One more worker starts while we watch: new processes are seen too.
        one_more = threading.Timer(_WATCH_S / 2, master.send_signal, [signal.SIGTTIN])
        one_more.start()
        running.callback(one_more.cancel)
        visitor.visit_all()
        status = _watch(master.pid, trace)
        visitor.visit_all()
    return _judge(visitor, status, trace)


def _watch(pid: int, trace: Path) -> int:
    for old in trace.parent.glob(trace.name + "*"):
        old.unlink()
    command = ["pyxhon", "attach", str(pid), "--duration", str(_WATCH_S), "--policy", str(_POLICY), "-o", str(trace)]
    _say("while it serves: " + " ".join(command))
    sys.stderr.flush()
    return subprocess.run([_CHECKOUT / ".venv/bin/pyxhon", *command[1:]], check=False).returncode


def _judge(visitor: Visitor, status: int, trace: Path) -> int:
    print(file=sys.stderr)
    if visitor.wrong:
        _say(f"{len(visitor.wrong)} of {visitor.visits} answers of the service were wrong, e.g. {visitor.wrong[:3]}")
        return 1
    _say(f"all {visitor.visits} answers of the service were right, before, while and after it was watched")
    if status == _COULD_NOT:
        _say("pyxhon could not watch it and says why above; `.venv/bin/pyxhon doctor` tells more")
        return 1
    if status != _CODE_REVIEW:
        _say(f"pyxhon ended with status {status} instead of {_CODE_REVIEW} (CodeReview): this is a bug")
        return 1
    _say("pyxhon ended with status 3, CodeReview: urllib3 went where the policy does not let it")
    _say("read next: README.md, docs/policies.md, and the policy above; judge the same trace under another one with")
    _say(f"  .venv/bin/pyxhon report {trace} --policy FILE")
    return 0


@contextmanager
def running_service(environment: Path, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Run the service and those whom it asks until the block ends; gives gunicorn's master and the address."""
    _make_data(environment, folder)
    with _upstream("127.0.0.1") as rates, _upstream("127.0.0.2") as statistics, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        shop = {"SHOP_FOLDER": str(folder), "SHOP_RATES_URL": rates, "SHOP_STATISTICS_URL": statistics}
        proxies = {"NO_PROXY": "*", "no_proxy": "*"}
        log = folder / "gunicorn.log"
        with log.open("wb") as output:
            master = subprocess.Popen(
                [
                    environment / "bin/gunicorn",
                    "--workers",
                    str(_WORKERS),
                    "--bind",
                    f"fd://{listener.fileno()}",
                    "app:app",
                ],
                cwd=_FOLDER,
                env={**os.environ, **shop, **proxies, "PYTHONDONTWRITEBYTECODE": "1"},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _wait_until_ready(master, address, log)
            yield master, address
        finally:
            _end(master)


@contextmanager
def _upstream(host: str) -> Iterator[str]:
    with ThreadingHTTPServer((host, 0), _Upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{host}:{server.server_port}/"
        server.shutdown()


def _make_data(environment: Path, folder: Path) -> None:
    database = sqlite3.connect(folder / "shop.db")
    with database:
        database.execute("DROP TABLE IF EXISTS orders")
        database.execute("CREATE TABLE orders (what TEXT)")
        database.executemany("INSERT INTO orders VALUES (?)", [("tea",), ("cups",), ("more tea",)])
    database.close()
    save = "import numpy, sys; numpy.save(sys.argv[1], numpy.arange(0.0, 20.0))"
    subprocess.run([environment / "bin/python", "-c", save, folder / "sales.npy"], check=True)


def _wait_until_ready(master: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while master.poll() is None and time.monotonic() < deadline:
        try:
            _fetch(address + "/orders")
        except (OSError, ValueError):
            time.sleep(0.1)
        else:
            return
    sys.exit(f"demo: the service does not answer; see {log}")


def _fetch(url: str) -> object:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as response:
        return json.load(response)


def _end(master: "subprocess.Popen[bytes]") -> None:
    master.terminate()
    try:
        master.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(master.pid, signal.SIGKILL)
        master.wait()


def _say(line: str) -> None:
    print(f"demo: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
