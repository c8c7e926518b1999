"""tqdm: progress bars on loops, nested, by hand, and around a file."""

import io
import tempfile
from pathlib import Path

from tqdm import tqdm, trange


def main():
    """Show the progress of doing nothing."""
    shown = io.StringIO()
    for _ in tqdm(range(500_000), file=shown, desc="loop"):
        pass
    for _ in trange(20, file=shown, desc="outer"):
        for _ in trange(200, file=shown, leave=False, mininterval=0):
            pass
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data"
        path.write_bytes(b"x" * 1_000_000)
        with path.open("rb") as stream, tqdm.wrapattr(stream, "read", total=1_000_000, file=shown) as wrapped:
            while wrapped.read(10_000):
                pass
    with tqdm(total=100, file=shown, unit="B", unit_scale=True) as bar:
        bar.update(100)
        bar.set_postfix(state="done")
    assert "100%" in shown.getvalue()


if __name__ == "__main__":
    main()
