"""One package from its download to its row: installed in a fresh environment, exercised, each step traced apart."""

import contextlib
import itertools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pyxhon.evaluate.download import Downloader, download
from pyxhon.evaluate.environment import copy_folder, make_environment
from pyxhon.evaluate.interpreter import Python
from pyxhon.evaluate.matrix import Row, StepRow, read_step
from pyxhon.evaluate.options import EvaluateOptions
from pyxhon.evaluate.sandbox import BUILT, DOWNLOADS, ENVIRONMENT, EXERCISE, PROGRAMS, PYTHON, TESTERS, TOOLS, Box
from pyxhon.evaluate.spec import Spec, normalise_name, parse_spec
from pyxhon.evaluate.stage import Stage
from pyxhon.evaluate.steps import Step, StepPlan, run_step
from pyxhon.evaluate.users import job_user
from pyxhon.policy.parse import list_builtin_policies

_TESTER: Final = "pytest"
_WHEEL: Final = re.compile(r"([A-Za-z0-9_.]+)-([A-Za-z0-9_.!+]+)-[^/]*\.whl")
_MOST_NAMES: Final = 1000
_ENDED_BY_PACKAGE: Final = frozenset({"done", "failed"})


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all packages of an evaluation share."""

    stage: Stage
    python: Python
    shown: tuple[tuple[Path, str], ...]
    """The interpreter's folders."""
    programs: Path
    downloader: Downloader
    folder: Path
    options: EvaluateOptions
    tell: Callable[[str, str], None]
    """Told of each package what is being done."""
    is_interrupted: Callable[[], bool]


def evaluate_package(shop: Workshop, spec: Spec, job: int) -> Row:
    """Install a package, exercise it, and give its row. Raises EvaluationError when it is not to be had."""
    options, uid = shop.options, job_user(job)
    shop.tell(spec.text, "download")
    downloaded = download(shop.downloader, spec)
    shown = [*shop.shown, (shop.programs, PROGRAMS), (downloaded, DOWNLOADS), (shop.downloader.pip, TOOLS)]
    if options.tests:
        shown.append((download(shop.downloader, parse_spec(_TESTER)), TESTERS))
    with contextlib.ExitStack() as disks:
        environment = disks.enter_context(shop.stage.disk(f"jobs/{job}/env", options.limits.disk_bytes, uid))
        make_environment(environment, shop.python, uid)
        built = disks.enter_context(shop.stage.disk(f"jobs/{job}/built", options.limits.disk_bytes, uid))
        sources = []
        if spec.kind == "directory" and spec.path:
            copy_folder(spec.path, built / "folder", uid)
            sources = [f"{BUILT}/folder"]
        box = Box(
            python=shop.python,
            uid=uid,
            environment=environment,
            is_environment_writable=True,
            shown=tuple(shown),
            writable=((built, BUILT),),
            limits=options.limits,
            has_network=options.network,
        )
        found = _Found((downloaded, built), spec)
        return _evaluate(shop, found, box, [PYTHON, f"{PROGRAMS}/install.py", *sources])


@dataclass(frozen=True, slots=True)
class _Found:
    """Which distribution a package is: a folder's is known when it was built."""

    folders: tuple[Path, Path]
    spec: Spec

    def identify(self) -> tuple[str | None, str | None]:
        """Give name and version, as the wheel's file name has them."""
        for folder in reversed(self.folders):
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in itertools.islice(entries, _MOST_NAMES))
            for name in names:
                found = _WHEEL.fullmatch(name)
                if found and self.spec.name in {None, normalise_name(found[1])}:
                    return self.spec.name or normalise_name(found[1]), found[2]
        return self.spec.name, None


def _evaluate(shop: Workshop, found: _Found, box: Box, install: list[str]) -> Row:
    spec = found.spec
    rows: list[StepRow] = []

    def do(step_name: str, box: Box, command: list[str], name: str | None) -> Step:
        shop.tell(spec.text, step_name)
        plan = StepPlan(step_name, box, command, shop.folder / spec.slug / step_name, _policies(shop.options, name))
        step = run_step(plan, shop.options, shop.is_interrupted)
        rows.append(read_step(step, plan.folder / "report.json", name))
        return step

    step = do("install", box, install, spec.name)
    name, version = found.identify()
    policies = _policies(shop.options, name)
    if step.outcome != "done":
        return Row(spec.text, name, version, policies, tuple(rows), _why(step))
    shown = _without(box.shown, DOWNLOADS, TESTERS, TOOLS)
    box = replace(box, is_environment_writable=False, shown=shown, writable=())
    exercise = shop.options.exercises.find(name)
    if exercise:
        box = replace(box, shown=(*box.shown, (exercise, EXERCISE)))
        do("run", box, [PYTHON, EXERCISE], name)
    else:
        do("run", box, [PYTHON, f"{PROGRAMS}/exercise_imports.py", name or ""], name)
    if shop.options.tests and not shop.is_interrupted():
        box = replace(box, search_path=f"{ENVIRONMENT}/testers")
        do("tests", box, [PYTHON, f"{PROGRAMS}/run_tests.py", name or ""], name)
    return Row(spec.text, name, version, policies, tuple(rows), None)


def _policies(options: EvaluateOptions, name: str | None) -> tuple[str, ...]:
    """Give the policies that were named, else the one that comes with PyXhon for this package, if any."""
    if options.policy_paths or name is None:
        given = options.policy_paths
        return tuple(one if one.startswith("builtin:") else str(Path(one).resolve()) for one in given)
    return tuple(f"builtin:{one}" for one in list_builtin_policies() if normalise_name(one) == normalise_name(name))


def _without(shown: tuple[tuple[Path, str], ...], *paths: str) -> tuple[tuple[Path, str], ...]:
    return tuple(pair for pair in shown if pair[1] not in paths)


def _why(step: Step) -> str:
    if step.outcome in _ENDED_BY_PACKAGE:
        return f"it could not be installed: {step.message}"
    return f"installing it was ended by a limit: {step.outcome}"
