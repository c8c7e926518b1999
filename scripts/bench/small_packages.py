"""How long `pyxhon evaluate` takes for small packages whose downloads are kept."""

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from measuring import PYXHON, Table, parser, reap, require_root, say, verdict

GOAL_S = 20.0
PACKAGES = (
    "six==1.17.0", "idna==3.10", "certifi==2025.1.31", "packaging==24.2", "click==8.1.8", "attrs==25.1.0",
    "pytz==2025.1", "xlrd3==1.1.0", "pyisbn==1.4.3", "itsdangerous==2.2.0",
)  # fmt: skip


def main() -> None:
    """Evaluate once for the downloads, then measure, print."""
    options = parser(__doc__, rounds=3)
    options.add_argument(
        "--package", action="append", help="which (default: ten small ones); may be given several times"
    )
    given = options.parse_args()
    require_root()
    packages = given.package or PACKAGES
    table = Table(["package", "seconds", "worst", "processor, s", "status", "goal"])
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        for package in packages:
            say(f"{package}: downloading")
            _evaluate(package, Path(temporary) / "first")
        for package in packages:
            took = []
            for number in range(given.rounds):
                say(f"{package}: {number + 1} of {given.rounds}")
                took.append(_evaluate(package, Path(temporary) / f"round-{number}"))
            seconds = [one[0] for one in took]
            processor = statistics.median(one[1] for one in took)
            status = ", ".join(str(one) for one in sorted({one[2] for one in took}))
            table.add(
                package, f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}", f"{processor:.1f}", status,
                verdict(is_met=max(seconds) <= GOAL_S and {one[2] for one in took} <= {0, 3}),
            )  # fmt: skip
    table.notes.append(
        "One package a command, in its sandbox, installed and exercised by the importing of all its modules, its "
        f"download kept. The goal is {GOAL_S:g} s for each, on two processors. Status 0: Accept, 3: CodeReview."
    )
    table.print()


def _evaluate(package: str, output: Path) -> tuple[float, float, int]:
    """Evaluate one package anew; gives its seconds, those of processors, and the status."""
    command: list[str | Path] = [PYXHON, "evaluate", "-q", "--again", "-o", output, "--format", "json", package]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    usage = reap(process)
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, process.returncode


if __name__ == "__main__":
    main()
