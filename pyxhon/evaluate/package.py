"""One package from its download to its row: installed in a fresh environment, exercised, each step traced apart."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pyxhon.evaluate.download import Downloader, download
from pyxhon.evaluate.environment import copy_folder, make_environment
from pyxhon.evaluate.interpreter import Python
from pyxhon.evaluate.matrix import Row, StepRow, read_step
from pyxhon.evaluate.options import EvaluateOptions
from pyxhon.evaluate.sandbox import DOWNLOADS, PROGRAMS, PYTHON, SOURCE, TOOLS, Box
from pyxhon.evaluate.spec import Spec, normalise_name
from pyxhon.evaluate.stage import Stage
from pyxhon.evaluate.steps import Step, StepPlan, run_step, run_untraced
from pyxhon.evaluate.users import job_user
from pyxhon.policy.parse import list_builtin_policies

_EXERCISE: Final = "/exercise.py"
_MOST_TEXT: Final = 200
_INSTALL: Final = (
    "-m", "pip", "install", "--no-index", "--find-links", DOWNLOADS, "--no-compile", "--no-cache-dir", "--use-pep517",
    "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-warn-script-location",
)  # fmt: skip
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
    with contextlib.ExitStack() as disks:
        environment = disks.enter_context(shop.stage.disk(f"jobs/{job}/env", options.limits.disk_bytes, uid))
        make_environment(environment, shop.python, uid)
        writable: tuple[tuple[Path, str], ...] = ()
        target = spec.text
        if spec.kind == "directory" and spec.path:
            source = disks.enter_context(shop.stage.disk(f"jobs/{job}/source", options.limits.disk_bytes, uid))
            copy_folder(spec.path, source, uid)
            writable, target = ((source, SOURCE),), SOURCE
        elif spec.path:
            target = f"{DOWNLOADS}/{spec.path.name}"
        box = Box(
            python=shop.python,
            uid=uid,
            environment=environment,
            is_environment_writable=True,
            shown=(*shop.shown, (shop.programs, PROGRAMS), (downloaded, DOWNLOADS), (shop.downloader.pip, TOOLS)),
            writable=writable,
            limits=options.limits,
            has_network=options.network,
            variables=(("PYTHONPATH", TOOLS),),
        )
        return _evaluate(shop, spec, box, [PYTHON, *_INSTALL, target])


def _evaluate(shop: Workshop, spec: Spec, box: Box, install: list[str]) -> Row:
    folder = shop.folder / spec.slug
    policies = _policies(shop.options, spec.name)
    rows: list[StepRow] = []

    def do(name: str, box: Box, command: list[str], package: str | None) -> StepRow:
        shop.tell(spec.text, name)
        plan = StepPlan(name, box, command, folder / name, policies)
        step = run_step(plan, shop.options, shop.is_interrupted)
        row = read_step(step, plan.folder / "report.json", package)
        rows.append(row)
        return row

    installed = do("install", box, install, spec.name)
    if installed.step.outcome != "done" or shop.is_interrupted():
        return Row(spec.text, spec.name, None, policies, tuple(rows), _why(installed.step))
    box = replace(
        box, is_environment_writable=False, shown=_without(box.shown, DOWNLOADS, TOOLS), writable=(), variables=()
    )
    name, version = _describe(box, spec, shop.is_interrupted)
    policies = _policies(shop.options, name)
    if shop.options.exercise:
        box = replace(box, shown=(*box.shown, (shop.programs / "exercise.py", _EXERCISE)))
        do("run", box, [PYTHON, _EXERCISE], name)
    else:
        do("run", box, [PYTHON, f"{PROGRAMS}/exercise_imports.py", name or ""], name)
    return Row(spec.text, name, version, policies, tuple(rows), None)


def _policies(options: EvaluateOptions, name: str | None) -> tuple[str, ...]:
    """Give the policies that were named, else the one that comes with PyXhon for this package, if any."""
    if options.policy_paths or name is None:
        return options.policy_paths
    return tuple(f"builtin:{one}" for one in list_builtin_policies() if normalise_name(one) == normalise_name(name))


def _without(shown: tuple[tuple[Path, str], ...], *paths: str) -> tuple[tuple[Path, str], ...]:
    return tuple(pair for pair in shown if pair[1] not in paths)


def _describe(box: Box, spec: Spec, is_interrupted: Callable[[], bool]) -> tuple[str | None, str | None]:
    """Ask in the sandbox what was installed. It is hostile code's answer: bounded, and only shown."""
    asked = [PYTHON, "-I", f"{PROGRAMS}/describe.py", *([spec.name] if spec.name else [])]
    answer = run_untraced(box, asked, is_interrupted)
    try:
        facts = json.loads(answer.output.splitlines()[-1])
        name, version = facts["name"], facts["version"]
    except (ValueError, KeyError, TypeError, IndexError):
        return spec.name, None
    if not isinstance(name, str) or not isinstance(version, str):
        return spec.name, None
    is_same = spec.name is None or normalise_name(name) == spec.name
    return (name[:_MOST_TEXT] if is_same else spec.name), version[:_MOST_TEXT]


def _why(step: Step) -> str:
    if step.outcome in _ENDED_BY_PACKAGE:
        return f"it could not be installed: {step.message}"
    return f"installing it was ended by a limit: {step.outcome}"
