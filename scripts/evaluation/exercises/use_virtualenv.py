"""virtualenv: environments made from the wheels that it carries, and their interpreter asked."""

import subprocess
import tempfile
from pathlib import Path

import virtualenv


def main():
    """Make two, one with pip."""
    with tempfile.TemporaryDirectory() as folder:
        data = ["--app-data", str(Path(folder) / "data"), "--no-periodic-update"]
        for name, more in (("bare", ["--without-pip"]), ("full", [])):
            path = Path(folder) / name
            made = virtualenv.cli_run([str(path), *data, *more])
            assert made.creator.dest == path
            ask = "import sys; print(sys.prefix)"
            said = subprocess.run([path / "bin/python", "-c", ask], capture_output=True, text=True, check=True)
            assert Path(said.stdout.strip()).resolve() == path.resolve()
        assert list((path / "lib").glob("python3*/site-packages/pip"))


if __name__ == "__main__":
    main()
