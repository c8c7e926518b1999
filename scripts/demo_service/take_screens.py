"""Takes the pictures of docs/screens: what `pyxhon` shows of the demo's service, on a terminal and in a browser."""

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text
from show import Visitor, running_service

_LIMIT_S = 120
_TEXT_LINES = 46
_FONTS = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_LARGEST_BYTES = 150_000
_PAGES = {"html-light": ("light", 1280, 800), "html-dark": ("dark", 1280, 800), "html-narrow": ("light", 390, 844)}
_POLICY = "--policy shop.yaml"


class Terminal:
    """A terminal of tmux with a shell in it."""

    def __init__(self, name: str, columns: int, lines: int) -> None:
        self._socket = f"/srv/tmux-{name}"
        self.columns = columns
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), "PS1='# ' sh")
        self.wait(lambda shown: shown.strip() == "#")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def type(self, *keys: str) -> None:
        """Press keys."""
        self._tmux("send-keys", *keys)

    def shown(self, *options: str) -> str:
        """Give what is on the screen."""
        return self._tmux("capture-pane", "-p", *options)

    def wait(self, is_so: Callable[[str], object]) -> None:
        """Wait until what is on the screen is so."""
        end_s = time.monotonic() + _LIMIT_S
        while not is_so(self.shown()):
            if time.monotonic() > end_s:
                sys.exit(f"screens: this does not change:\n{self.shown()}")
            time.sleep(0.05)

    def picture(self, path: Path, text: str, title: str) -> None:
        """Write text with its colours as a picture of a terminal."""
        console = Console(
            record=True, width=self.columns, file=StringIO(), color_system="truecolor", force_terminal=True
        )
        console.print(Text.from_ansi(text.rstrip("\n") + "\n"), soft_wrap=True)
        # Without fonts from elsewhere: nothing is loaded when it is looked at.
        form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
            "Fira Code, monospace", _FONTS
        )
        path.write_text(console.export_svg(title=title, code_format=form, unique_id=path.stem), encoding="utf-8")

    def close(self) -> None:
        """End the terminal and all in it."""
        self._tmux("kill-server")


@contextmanager
def terminal(name: str, columns: int, lines: int) -> Iterator[Terminal]:
    """Open a terminal until the block ends."""
    opened = Terminal(name, columns, lines)
    try:
        yield opened
    finally:
        opened.close()


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder = parser.parse_args().folder
    here = Path(__file__).resolve().parent
    with running_service(here / "venv", here) as (master, address):
        visitor = Visitor(address)
        visitor.start()
        try:
            _take_live(folder, master.pid)
            _take_top(folder, master.pid)
        finally:
            visitor.stop()
    _take_report(folder)
    _take_pages(folder)
    return _tell(folder)


def _take_live(folder: Path, pid: int) -> None:
    with terminal("live", 80, 24) as shell:
        line = f"pyxhon attach {pid} {_POLICY} --duration 8 -o shop.pyxhon > report"
        shell.type("-l", line)
        shell.type("Enter")
        shell.wait(
            lambda shown: shown.count("pyxhon: violation") > 1
            and re.search(r"^pyxhon: \d+ events", shown, re.MULTILINE)
        )
        shell.picture(folder / "live.svg", shell.shown("-e"), "pyxhon attach")
        shell.wait(lambda shown: shown.rstrip().endswith("\n#"))


def _take_top(folder: Path, pid: int) -> None:
    with terminal("top", 80, 24) as shell:
        shell.type("-l", f"pyxhon top {pid} {_POLICY}")
        shell.type("Enter")
        shell.wait(lambda shown: "violation: urllib3" in shown and re.search(r"\nSystem calls: .*\d", shown))
        time.sleep(3)  # for figures of some seconds
        shell.picture(folder / "top.svg", shell.shown("-e"), "pyxhon top")
        shell.type("q")
        shell.wait(lambda shown: "q quits" not in shown)


def _take_report(folder: Path) -> None:
    with terminal("report", 100, 500) as shell:
        shell.type("-l", f"pyxhon report shop.pyxhon {_POLICY}")
        shell.type("Enter")
        shell.wait(lambda shown: shown.rstrip().endswith("\n#"))
        lines = shell.shown("-e").split("\n")[:_TEXT_LINES]
        shell.picture(folder / "text.svg", "\n".join([*lines, "…"]), "pyxhon report")


def _take_pages(folder: Path) -> None:
    command = f"pyxhon report shop.pyxhon {_POLICY} --format html --report shop.html"
    subprocess.run(command.split(), check=False)
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        sys.exit("screens: there is no Chromium; scripts/setup --dev installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for name, (scheme, width, height) in _PAGES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(Path("shop.html").resolve().as_uri())
            page.wait_for_selector("html[data-state=complete]")
            page.screenshot(path=folder / f"{name}.png")
        browser.close()


def _tell(folder: Path) -> int:
    is_good = True
    for path in sorted(folder.iterdir()):
        size = path.stat().st_size
        is_good &= size < _LARGEST_BYTES
        print(f"screens: {path.name}, {size} bytes{'' if size < _LARGEST_BYTES else ': too large'}", file=sys.stderr)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
