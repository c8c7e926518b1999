"""wheel: a wheel packed, its tags changed, unpacked and packed again, by its command."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def _run(*arguments):
    subprocess.run([sys.executable, "-m", "wheel", *arguments], check=True, stdout=subprocess.DEVNULL)


def main():
    """Do that several times."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "small-1.0"
        information = tree / "small-1.0.dist-info"
        information.mkdir(parents=True)
        for number in range(50):
            (tree / f"small_{number}.py").write_text(f"value = {number}\n")
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: small\nVersion: 1.0\n")
        (information / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        (information / "RECORD").write_text("")
        for round_ in range(4):
            _run("pack", tree, "--dest-dir", folder)
            made = Path(folder) / "small-1.0-py3-none-any.whl"
            _run("tags", "--python-tag", "py310", made)
            _run("unpack", Path(folder) / "small-1.0-py310-none-any.whl", "--dest", Path(folder) / str(round_))
            assert (Path(folder) / str(round_) / "small-1.0/small_7.py").exists()
        with zipfile.ZipFile(made) as archive:
            assert b"small_7.py,sha256=" in archive.read("small-1.0.dist-info/RECORD")


if __name__ == "__main__":
    main()
