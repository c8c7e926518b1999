"""`pyxhon inspect FILE...`: what a DLL's file says of itself, and whose it is."""

import click

from pyxhon.cli.options import verbose_option

_EXAMPLES = """\b
Examples:
  pyxhon inspect /lib/x86_64-linux-gnu/libz.so.1
  pyxhon inspect .venv/lib/python3.11/site-packages/numpy/_core/*.so
  pyxhon inspect plugin.so --format json | jq '.files[].dossier.imports'
"""


@click.command("inspect", short_help="Tell what a DLL's file says of itself.", epilog=_EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option(
    "--format", "inspection_format", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="How it is written.",
)  # fmt: skip
@verbose_option
def inspect(files: tuple[str, ...], inspection_format: str) -> int:
    """Tell what the ELF files FILE... say of themselves: what they need, import and run, and whose they are.

    Nothing of them is run, and no root is needed. Each takes at most about two seconds; what was not looked at is
    said. A file of a distribution is held against the hash in its RECORD.
    """
    from pyxhon.inspecting import inspect_files

    return inspect_files(files, inspection_format)
