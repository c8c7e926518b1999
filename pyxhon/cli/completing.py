"""What the shell offers for arguments whose type alone does not say it: files, policies, programs."""

import os
from typing import Final

import click
from click.shell_completion import CompletionItem

_BUILTIN: Final = "builtin:"


def complete_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Have the shell complete names of files."""
    return [CompletionItem(incomplete, type="file")]


def complete_policies(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the policies that come with PyXhon, beside files."""
    from pyxhon.policy.parse import list_builtin_policies  # only when a key is pressed

    offered = [f"{_BUILTIN}{name}" for name in ("categories", *list_builtin_policies())]
    found = [CompletionItem(name) for name in offered if name.startswith(incomplete)]
    return found if incomplete.startswith(_BUILTIN) else [*found, CompletionItem(incomplete, type="file")]


def complete_command(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer programs for the first word of a command, once it has begun, and files."""
    files = CompletionItem(incomplete, type="file")
    if not incomplete or "/" in incomplete or context.params.get("command"):
        return [files]
    return [*map(CompletionItem, _find_programs(incomplete)), files]


def _find_programs(beginning: str) -> list[str]:
    found = set()
    for folder in os.get_exec_path():
        try:
            with os.scandir(folder or ".") as entries:
                found |= {each.name for each in entries if each.name.startswith(beginning)}
        except OSError:
            continue
    return sorted(name for name in found if name.isprintable())
