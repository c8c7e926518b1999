"""Answers "KIND LOOPS" by the seconds that so many rounds of real work of this kind took.

Needs lxml, Pillow and requests; requests are answered by a server of its own on loopback.
"""

import http.server
import io
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from lxml import etree
from PIL import Image

FOLDER = Path(tempfile.mkdtemp(prefix="pyxhon-bench-"))
PICTURE = FOLDER / "picture.png"
PAGE = FOLDER / "page.xml"


def sqlite(loops: int) -> None:
    """Write rows in transactions, and read them back."""
    database = sqlite3.connect(FOLDER / "rows.db")
    database.execute("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, text TEXT)")
    for number in range(loops):
        with database:
            database.executemany(
                "INSERT INTO row (text) VALUES (?)", ((f"row {number} {each}",) for each in range(200))
            )
        database.execute("SELECT count(*), max(length(text)) FROM row").fetchone()
    with database:
        database.execute("DELETE FROM row")
    database.close()


def pillow(loops: int) -> None:
    """Make thumbnails of a file."""
    for _ in range(loops):
        with Image.open(PICTURE) as picture:
            picture.thumbnail((200, 200))
            picture.convert("L").save(FOLDER / "small.jpg")


def lxml(loops: int) -> None:
    """Parse and search a file."""
    for _ in range(loops):
        tree = etree.parse(PAGE)
        if len(tree.xpath("//item[@number mod 7 = 0]")) == 0:
            raise SystemExit("nothing found")


def web(loops: int) -> None:
    """Ask a server, each time over a connection of its own."""
    for _ in range(loops):
        requests.get(ADDRESS, timeout=10).raise_for_status()


def make_files() -> None:
    """Make what is worked on."""
    Image.effect_noise((1200, 900), 80).convert("RGB").save(PICTURE)
    items = "".join(f'<item number="{number}"><name>item {number}</name></item>' for number in range(4000))
    PAGE.write_text(f"<list>{items}</list>", encoding="ascii")


def serve() -> None:
    """Answer with one page until killed; says at which port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Gives one page."""

        def do_GET(self) -> None:
            """Answer."""
            body = io.BytesIO(b"x" * 2000).getvalue()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if sys.argv[1:] == ["serve"]:
    serve()
make_files()
KINDS = {"sqlite": sqlite, "pillow": pillow, "lxml": lxml, "requests": web}
with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as other:
    assert other.stdout  # noqa: S101 - opened above
    ADDRESS = f"http://127.0.0.1:{other.stdout.readline().strip()}/"
    for line in sys.stdin:
        kind, count = line.split()
        start = time.perf_counter()
        KINDS[kind](int(count))
        print(time.perf_counter() - start, flush=True)
    other.kill()
