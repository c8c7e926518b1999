"""watchdog: a folder watched while files in it are made, changed, moved and removed."""

import tempfile
import threading
from pathlib import Path

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer


class _Handler(FileSystemEventHandler):
    def __init__(self):
        super().__init__()
        self.seen = set()
        self.is_over = threading.Event()

    def on_any_event(self, event):
        self.seen.add(event.event_type)
        if event.src_path.endswith("last.txt"):
            self.is_over.set()


def main():
    """Make and watch."""
    with tempfile.TemporaryDirectory() as folder:
        handler = _Handler()
        observer = Observer()
        observer.schedule(handler, folder, recursive=True)
        observer.start()
        for number in range(150):
            inner = Path(folder) / f"folder{number % 10}"
            inner.mkdir(exist_ok=True)
            path = inner / f"{number}.txt"
            path.write_text("text")
            path.rename(path.with_name(f"moved{number}.txt")).unlink()
        (Path(folder) / "last.txt").write_text("text")
        assert handler.is_over.wait(20)
        observer.stop()
        observer.join()
        assert {"created", "deleted"} <= handler.seen


if __name__ == "__main__":
    main()
