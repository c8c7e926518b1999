"""`pyxhon policy learn`: traces → the tightest readable policy that allows what is in them."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from pyxhon.errors import OutputError, PolicyError
from pyxhon.join import join
from pyxhon.learning.drafts import Draft
from pyxhon.learning.seen import Package, SeenTrace, collect, find_varying
from pyxhon.learning.settle import settle
from pyxhon.policy.model import normalize_name
from pyxhon.policy.parse import load_categories
from pyxhon.reporting import find_directories
from pyxhon.trace.reader import open_trace


def learn_policy(traces: Sequence[Path], output: Path | None, package: str | None) -> int:
    """Write the policy learned from traces to a file, or to standard output."""
    text = learn([read_seen(trace) for trace in traces], package)
    if output is None:
        sys.stdout.write(text)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write -o {output}: {error.strerror or error}", "name another file") from error
    return 0


def read_seen(path: Path) -> SeenTrace:
    """Read what a trace tells."""
    with open_trace(path) as reader:
        reader.check()
        joined = join(reader, None, load_categories())
        lost = sum(row.lost for row in reader.counters())
        directories = find_directories(joined, reader)
    return SeenTrace(path.name, joined.behaviours, joined.uncategorised, directories, lost)


def learn(traces: Sequence[SeenTrace], package: str | None = None) -> str:
    """Give the text of the policy; `package` learns that one alone."""
    packages = collect(traces, load_categories())
    varying = find_varying(traces, packages)
    if package is not None:
        packages = _choose(packages, package)
    elif not packages:
        raise PolicyError("the traces have no act of the five categories", "record the program at work")
    return settle([Draft(each, varying) for each in packages], traces, package)


def _choose(packages: Sequence[Package], name: str) -> list[Package]:
    chosen = [each for each in packages if normalize_name(each.name) == normalize_name(name)]
    if not chosen:
        names = [each.name for each in packages]
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else "see the report for those that did something"
        raise PolicyError(f"no package {name!r} did anything in the traces", remedy)
    return chosen
