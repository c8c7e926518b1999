"""Drives a real, headless Chromium over the pipe of its own protocol: no driver, no port, no package is needed."""

import base64
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 60
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root there is no sandbox; nothing is to be asked of the network.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--window-size=1440,900",
    "--remote-debugging-pipe",
)
_KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "Tab": ("", 9), "ArrowDown": ("", 40), "ArrowUp": ("", 38)}


class Browser:
    """A running Chromium with one page, its messages read and written over two pipes."""

    def __init__(self, process, commands, answers):
        self.process = process
        self.problems = []
        self.requests = []
        self._commands = commands
        self._answers = answers
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._events = []
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Ask the page for something; gives its answer."""
        return self._call(method, parameters, self._session)

    def open(self, path, *, scheme="light", width=1440, height=900):
        """Open a file and wait until its script has built all; gives how long, in milliseconds, each stage took."""
        self.problems.clear()
        self.requests.clear()
        self.look(scheme=scheme, width=width, height=height)
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        self.until("document.documentElement?.dataset.state === 'complete'")
        return self.evaluate(
            "Object.fromEntries(performance.getEntriesByType('paint').concat(performance.getEntriesByName('usable'))"
            ".map((each) => [each.name, Math.round(each.startTime)]))"
        )

    def look(self, *, scheme="light", width=1440, height=900, media=""):
        """Choose light or dark, the width of the window, screen or paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def evaluate(self, expression):
        """Give the value of an expression in the page; what it throws is raised."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression):
        """Wait until an expression in the page is true."""
        end_s = time.monotonic() + LIMIT_S
        while not self.evaluate(expression):
            assert time.monotonic() < end_s, expression
            time.sleep(0.02)

    def press(self, key):
        """Press and release one key, in whatever has the focus."""
        text, code = _KEYS.get(key, (key, ord(key[0].upper())))
        how = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **how, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **how)

    def write(self, text):
        """Type text into what has the focus."""
        self.call("Input.insertText", text=text)

    def drag(self, start, end):
        """Press the mouse at one place and let it go at another."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screenshot(self, path, *, is_whole=False):
        """Write a picture of the window, or of all of the page."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=is_whole)
        Path(path).write_bytes(base64.b64decode(answer["data"]))

    def print(self, path):
        """Print the page to a PDF file."""
        Path(path).write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))

    def _call(self, method, parameters, session=None):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer.get("method"), answer.get("params", {}))

    def _read(self):
        while b"\0" not in self._buffer:
            part = os.read(self._answers, 1 << 20)
            assert part, "Chromium ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, method, parameters):
        """Keep whatever a console would show, and every request."""
        said = {
            "Runtime.consoleAPICalled": parameters.get("type"),
            "Log.entryAdded": parameters.get("entry", {}).get("level"),
        }
        is_fault = method in {"Runtime.exceptionThrown", "Audits.issueAdded", "Page.javascriptDialogOpening"}
        if is_fault or said.get(method) in {"error", "warning", "assert"}:
            self.problems.append((method, parameters))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Run Chromium with a profile in a folder until the block ends."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    assert program, "there is no Chromium; scripts/setup --dev installs it"
    commands_in, commands_out = _make_pipe()
    answers_in, answers_out = _make_pipe()
    # The protocol is read from descriptor 3 and written to 4; dash cannot name descriptors above 9.
    command = ["bash", "-c", f'exec "$@" 3<&{commands_in} 4>&{answers_out}', "bash", program, *_FLAGS]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={folder}", "about:blank"],
        pass_fds=(commands_in, answers_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "HOME": str(folder)},
    )
    os.close(commands_in)
    os.close(answers_out)
    try:
        yield Browser(process, commands_out, answers_in)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(commands_out)
        os.close(answers_in)


def _make_pipe():
    """Make a pipe whose ends are neither descriptor 3 nor 4."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved
