"""Each command, option and field of the report is documented."""

import dataclasses
import re
import types
import typing
from pathlib import Path

import click
import pytest

from pyxhon.report import model
from tests.unit.cli.test_command_line import every_command

DOCS = Path(__file__).parents[3] / "docs"
COMMANDS = (DOCS / "commands.md").read_text()
EXAMPLES = {"signals.md", "socket.connect", "sys.modules", "os.system", "importlib.import_module"}
OPTIONS = COMMANDS.partition("## Options")[2]
FIELDS = re.findall(r"`([^`]+)`", (DOCS / "report.md").read_text())


def find_row(kind):
    """Give the dataclass inside an annotation such as list[Location] | None, and how to write the way to it."""
    if dataclasses.is_dataclass(kind):
        return kind, ""
    for part in typing.get_args(kind):
        inner, way = find_row(part)
        if inner is not None:
            step = {list: "[]", dict: ".*"}.get(typing.get_origin(kind), "")
            return inner, step + way
    return None, ""


def every_field(row, way=""):
    kinds = typing.get_type_hints(row)
    for field in dataclasses.fields(row):
        yield way + field.name
        inner, step = find_row(kinds[field.name])
        if inner is not None:
            yield from every_field(inner, f"{way}{field.name}{step}.")


@pytest.mark.parametrize("name", list(every_field(model.Report)))
def test_every_field_of_the_report_is_documented(name):
    assert name in FIELDS


def test_no_field_is_documented_that_is_not_there():
    documented = {name for name in FIELDS if re.fullmatch(r"[a-z_]+(\[\])?(\.[a-z_*]+(\[\])?)+", name)}

    assert documented - set(every_field(model.Report)) - EXAMPLES == set()


@pytest.mark.parametrize(("path", "command"), list(every_command()), ids=lambda value: str(value))
def test_every_command_and_option_is_documented(path, command):
    assert f"`pyxhon {' '.join(path)}" in COMMANDS
    for option in command.params:
        for name in (*option.opts, *option.secondary_opts) if isinstance(option, click.Option) else ():
            rows = [line for line in OPTIONS.split("\n") if re.search(rf"`{name}[ `]", line)]
            assert rows, name
            users = rows[0].split("|")[2]
            assert "all" in users or re.search(rf"\b{' '.join(path)}\b", users), (name, path)


def test_types_are_those_of_the_annotations():
    assert find_row(list[model.Location] | None) == (model.Location, "[]")
    assert isinstance(list[model.Location] | None, types.UnionType)
