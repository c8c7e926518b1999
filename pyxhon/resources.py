"""Where the probes and policies are: beside the package in a checkout, inside it when installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def probes_directory() -> Path:
    """Give the folder of the BPF programs."""
    return _find("probes")


def policies_directory() -> Path:
    """Give the folder of the policies that come with PyXhon."""
    return _find("policies")


def _find(name: str) -> Path:
    # pyproject.toml puts the folders into the wheel under _data; a checkout has no _data.
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
