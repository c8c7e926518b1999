"""Has installed packages open, make code, load DLLs and start processes, while owner_oracle.py looks on."""

import sys

import owner_oracle

owner_oracle.begin()

import concurrent.futures
import io
import os
import py_compile
import subprocess
import tempfile


def use_attrs():
    import attrs

    return attrs.make_class("Point", ["x", "y"])(1, 2), attrs.define(type("Other", (), {"__annotations__": {"x": int}}))


def use_capstone():
    import capstone

    return list(capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64).disasm(b"\x90\xc3", 0))


def use_click():
    import click
    from click.testing import CliRunner

    @click.command()
    @click.argument("file", type=click.File("w", lazy=True))
    def command(file):
        file.write("x")

    with tempfile.TemporaryDirectory() as folder:
        return CliRunner().invoke(command, [os.path.join(folder, "out.txt")])


def use_elftools():
    from elftools.elf.elffile import ELFFile

    with open(sys.executable, "rb") as file:
        return ELFFile(file).num_sections()


def use_jsonschema():
    import jsonschema

    jsonschema.validate({"a": 1}, {"type": "object", "properties": {"a": {"type": "integer"}}})
    return jsonschema.Draft202012Validator.check_schema({"type": "string", "format": "date"})


def use_pygments():
    import pygments
    import pygments.formatters
    import pygments.lexers

    lexer = pygments.lexers.get_lexer_by_name("python")
    return pygments.highlight("x = 1", lexer, pygments.formatters.get_formatter_by_name("html"))


def use_rich():
    from rich.console import Console
    from rich.table import Table

    table = Table("a", "b")
    table.add_row("1", "2")
    Console(file=io.StringIO()).print(table)
    with tempfile.NamedTemporaryFile("w+", suffix=".html") as file:
        console = Console(record=True, file=io.StringIO())
        console.print(table)
        console.save_html(file.name)


def use_own():
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "m.py")
        with open(source, "w") as file:
            file.write("x = 1\n")
        return py_compile.compile(source, os.path.join(folder, "m.pyc"))


def use_yaml():
    import yaml

    yaml.safe_load(yaml.safe_dump({"a": [1, 2]}))
    return yaml.load("x: !!python/name:os.getcwd", yaml.UnsafeLoader)


USES = [
    use_attrs, use_capstone, use_click, use_elftools, use_jsonschema, use_own, use_pygments, use_rich, use_yaml,
]  # fmt: skip
for use in USES:
    use()
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda use: use(), [use_yaml, use_pygments, use_jsonschema]))
subprocess.run([sys.executable, "-S", "-c", ""], check=True)
exec(compile("open('/etc/hostname').close()", "<made>", "exec"))
owner_oracle.end(sys.argv[1])
