"""`pyxhon evaluate SPEC...`: packages in a sandbox, traced, judged, and put into a matrix."""

from pathlib import Path
from typing import Any

import click

from pyxhon.cli.completing import complete_files, complete_policies
from pyxhon.cli.messages import configure_messages
from pyxhon.cli.options import parse_seconds

_EXAMPLES = """\b
Examples:
  pyxhon evaluate numpy
  pyxhon evaluate numpy==2.4.6 ./my-package six-1.17.0-py2.py3-none-any.whl
  pyxhon evaluate -r requirements.txt --jobs 2 --format markdown --report matrix.md
  pyxhon evaluate crcmod --policy builtin:crcmod --exercise exercise.py --python /usr/bin/python3
  pyxhon evaluate six idna --exercise six=use_six.py --exercise idna=use_idna.py
"""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("evaluate", short_help="Evaluate packages in a sandbox.", epilog=_EXAMPLES)
@click.argument("specs", nargs=-1, metavar="SPEC...")
@click.option(
    "-r",
    "--requirement",
    "requirements",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="Evaluate what this file of requirements names, one a line. May be given several times.",
)
@click.option(
    "--python",
    metavar="PATH",
    shell_complete=complete_files,
    help="The interpreter to install into. Default: the one that runs PyXhon.",
)
@click.option(
    "--policy",
    "policy_paths",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_policies,
    help="Judge by this policy: a file or builtin:NAME. May be given several times. Default: for each "
    "package builtin:NAME, where there is one.",
)
@click.option(
    "--exercise",
    "exercises",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Run this Python script with each package, or with the package NAME alone. May be given several times. "
    "Default: import all public modules.",
)
@click.option("--tests", is_flag=True, help="Run the tests that come with the package, too.")
@click.option("--network", is_flag=True, help="Let packages reach the network. Without it they have none.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="pyxhon-evaluation",
    show_default=True,
    metavar="DIR",
    help="Folder of the reports and traces, and of what is finished.",
)
@click.option("--again", is_flag=True, help="Evaluate anew what DIR says is finished.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Evaluate so many packages at a time.",
)
@click.option(
    "--calls",
    type=click.Choice(["off", "seen", "count", "trace"]),
    default=None,
    help="As for run: which Python functions ran.",
)
@click.option(
    "--syscalls",
    type=click.Choice(["sensitive", "all", "off"]),
    default="sensitive",
    show_default=True,
    help="As for run: which system calls are taken.",
)
@click.option(
    "--time-limit",
    "time_s",
    type=parse_seconds,
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="What one step of a package may take.",
)
@click.option(
    "--memory-limit",
    "memory_mib",
    type=click.IntRange(64),
    default=2048,
    show_default=True,
    metavar="MIB",
    help="Memory of one step.",
)
@click.option(
    "--disk-limit",
    "disk_mib",
    type=click.IntRange(16),
    default=2048,
    show_default=True,
    metavar="MIB",
    help="What a package may write: its environment, its home and its temporary files, each.",
)
@click.option(
    "--process-limit",
    "processes",
    type=click.IntRange(16, 30_000),
    default=256,
    show_default=True,
    metavar="N",
    help="Processes and threads of one step.",
)
@click.option(
    "--format",
    "report_format",
    type=click.Choice(["text", "markdown", "json", "html"]),
    default="text",
    show_default=True,
    help="How the matrix is written.",
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the matrix there, not to standard output.",
)
@click.option("-q", "--quiet", "is_quiet", is_flag=True, help="No progress on standard error.")
@click.option("-v", "--verbose", "verbosity", count=True, help="Say more on standard error; -vv for everything.")
def evaluate(specs: tuple[str, ...], requirements: tuple[Path, ...], verbosity: int, **values: Any) -> int:
    """Evaluate packages: requirements, wheels, source archives or folders.

    Each is installed in a fresh environment within a sandbox without network and exercised there, both traced. The
    matrix tells what it did, at Python level and below, and whether the policy accepts it. Interrupted, the same
    command goes on with what is not finished.
    """
    from pyxhon.evaluate.evaluation import evaluate as evaluate_all
    from pyxhon.evaluate.exercises import check_names, parse_exercises
    from pyxhon.evaluate.options import EvaluateOptions, Limits
    from pyxhon.evaluate.spec import parse_requirements, parse_spec

    configure_messages(verbosity, is_quiet=values["is_quiet"])
    if not specs and not requirements:
        raise click.UsageError("name a package, or a file of requirements with -r")
    wanted = [parse_spec(text) for text in specs]
    wanted += [spec for path in requirements for spec in parse_requirements(path)]
    exercises = parse_exercises(values.pop("exercises"))
    check_names(exercises, wanted)
    limits = Limits(
        time_s=values.pop("time_s"),
        memory_bytes=values.pop("memory_mib") << 20,
        disk_bytes=values.pop("disk_mib") << 20,
        processes=values.pop("processes"),
    )
    return evaluate_all(wanted, EvaluateOptions(limits=limits, exercises=exercises, **values))
