"""All packages: what is finished is not done again, the others one by one or several at a time, then the matrix."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyxhon.evaluate
from pyxhon.errors import KernelError, PyxhonError
from pyxhon.evaluate.download import prepare_downloader
from pyxhon.evaluate.exercises import keep_exercises
from pyxhon.evaluate.interpreter import Python, find_python
from pyxhon.evaluate.matrix import Row
from pyxhon.evaluate.options import EvaluateOptions
from pyxhon.evaluate.package import Workshop, evaluate_package
from pyxhon.evaluate.sandbox import find_bubblewrap
from pyxhon.evaluate.show.model import Evaluation
from pyxhon.evaluate.show.output import write_evaluation
from pyxhon.evaluate.spec import Spec
from pyxhon.evaluate.stage import Stage, prepare_stage
from pyxhon.evaluate.state import forget, key_of, owned_folder, read_finished, write_finished
from pyxhon.launch import Stop, stop_signals
from pyxhon.policy.parse import load_policies
from pyxhon.report.escape import escape

_INTERRUPTED: Final = 130
_ACCEPT, _FAILED, _CODE_REVIEW, _INCOMPLETE = 0, 1, 3, 4


def evaluate(specs: list[Spec], options: EvaluateOptions) -> int:
    """Evaluate packages, print the matrix, and give the exit status."""
    if os.geteuid() != 0:
        raise KernelError("tracing needs root", "run it with sudo")
    find_bubblewrap()
    if options.policy_paths:
        load_policies(options.policy_paths)
    python = find_python(options.python)
    with owned_folder(options.output) as folder, prepare_stage() as stage, stop_signals() as stop:
        rows = _Evaluating(stage, python, folder, options, stop).all_of(specs)
        evaluation = Evaluation(python.name, python.executable, options.network, tuple(rows))
        write_evaluation(evaluation, "json", folder / "evaluation.json")
        write_evaluation(evaluation, "html", folder / "evaluation.html")
        write_evaluation(evaluation, options.report_format, options.report_path)
    return _INTERRUPTED if stop.is_asked else exit_status(evaluation)


def exit_status(evaluation: Evaluation) -> int:
    """Give 3 for any CodeReview, then 1 for any package not evaluated, then 4 for any not seen whole, else 0."""
    rows = evaluation.rows
    if any(row.suggestion == "CodeReview" for row in rows):
        return _CODE_REVIEW
    if any(row.problem for row in rows):
        return _FAILED
    return _ACCEPT if all(row.is_complete for row in rows) else _INCOMPLETE


class _Evaluating:
    """The work on a list of packages."""

    def __init__(self, stage: Stage, python: Python, folder: Path, options: EvaluateOptions, stop: Stop) -> None:
        programs = stage.folder("programs")
        for path in (Path(pyxhon.evaluate.__file__).parent / "programs").glob("*.py"):
            (programs / path.name).write_bytes(path.read_bytes())
        kept = keep_exercises(options.exercises, stage.folder("exercises"))
        shown = tuple((stage.show(Path(one), f"python/{at}"), one) for at, one in enumerate(python.folders))
        downloader = prepare_downloader(stage, python, programs, shown)
        self._shop = Workshop(
            stage,
            python,
            shown,
            programs,
            downloader,
            folder,
            replace(options, exercises=kept),
            self._tell,
            lambda: stop.is_asked,
        )
        self._stop = stop
        self._started_s = time.monotonic()
        self._lock = threading.Lock()
        self._free_jobs = list(range(options.jobs))
        self._done = self._count = 0

    def all_of(self, specs: list[Spec]) -> list[Row]:
        """Give a row for each, in their order."""
        self._count = len(specs)
        with ThreadPoolExecutor(self._shop.options.jobs) as workers:
            futures = [workers.submit(self._one, spec) for spec in specs]
            return [future.result() for future in futures]

    def _one(self, spec: Spec) -> Row:
        shop = self._shop
        folder = shop.folder / spec.slug
        if self._stop.is_asked:
            return _unfinished(spec, "interrupted before it began")
        key = key_of(spec, shop.python, shop.options)
        row = None if shop.options.again else read_finished(folder, key)
        if row is None:
            row = self._do(spec, folder, key)
        self._done += 1
        self._tell(spec.text, row.problem or row.suggestion or "evaluated, no policy")
        return row

    def _do(self, spec: Spec, folder: Path, key: str) -> Row:
        with self._lock:
            job = self._free_jobs.pop()
        try:
            folder.mkdir(exist_ok=True)
            forget(folder)
            row = evaluate_package(self._shop, spec, job)
        except (PyxhonError, OSError, subprocess.SubprocessError) as error:  # the others are to be evaluated still
            return _unfinished(spec, str(error))
        finally:
            with self._lock:
                self._free_jobs.append(job)
        if not self._stop.is_asked:
            write_finished(folder, key, row)
        return row

    def _tell(self, spec: str, what: str) -> None:
        if not self._shop.options.is_quiet:
            seconds = time.monotonic() - self._started_s
            line = f"[{self._done}/{self._count}] {escape(spec, 80)}: {escape(what, 300)} ({seconds:.1f} s)"
            sys.stderr.write(f"pyxhon: {line}\n")
            sys.stderr.flush()


def _unfinished(spec: Spec, problem: str) -> Row:
    return Row(spec.text, spec.name, None, (), (), problem)
