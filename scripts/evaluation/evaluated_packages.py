"""The packages that are evaluated: in which version, by which interpreter and policy, and how they are exercised."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
EXERCISES = FOLDER / "exercises"
_BY_PURPOSE = str(FOLDER / "policy.yaml")


@dataclass(frozen=True, slots=True)
class Case:
    """One package to evaluate."""

    package: str
    version: str
    policy: str = _BY_PURPOSE  # a file, or builtin:NAME
    python: str = "3.12"
    beside: tuple[str, ...] = ()  # what is installed with it, where its newest dependencies will not do

    @property
    def slug(self) -> str:
        """Its name in the names of files."""
        return re.sub(r"[^a-z0-9]+", "_", self.package.lower())

    @property
    def requirements(self) -> tuple[str, ...]:
        """What is installed: the package first."""
        return (f"{self.package}=={self.version}", *self.beside)

    @property
    def exercise(self) -> Path:
        """The program that uses it for what it is made for."""
        return EXERCISES / f"use_{self.slug}.py"


# The paper's, by its own policies. MDP's last release takes no newer numpy, Pyro4's no newer Python.
OF_THE_PAPER = (
    Case("numpy", "2.5.5", "builtin:numpy"),
    Case("cx_Freeze", "8.5.3", "builtin:cx_Freeze"),
    Case("pyisbn", "1.4.3", "builtin:pyisbn"),
    Case("Pyro4", "4.82", "builtin:Pyro4", "3.11"),
    Case("MDP", "3.6", "builtin:MDP", "3.10", ("numpy==1.22.4",)),
    Case("crcmod", "1.7", "builtin:crcmod"),
    Case("xlrd3", "1.1.0", "builtin:xlrd"),
)

CASES = (
    *OF_THE_PAPER,
    Case("Pyro5", "5.17", "builtin:Pyro5"),
    Case("xlrd", "2.0.2", "builtin:xlrd"),
    Case("requests", "2.34.2"),
    Case("urllib3", "2.8.0"),
    Case("Flask", "3.1.3"),
    Case("Jinja2", "3.1.6"),
    Case("Django", "6.1.3"),
    Case("SQLAlchemy", "2.1.9"),
    Case("pandas", "3.1.1"),
    Case("PyYAML", "6.0.3"),
    Case("cryptography", "50.0.2"),
    Case("pillow", "13.0.0"),
    Case("lxml", "6.1.3"),
    Case("psutil", "7.2.2"),
    Case("click", "8.5.1"),
    Case("rich", "15.0.0"),
    Case("pydantic", "2.14.3"),
    Case("attrs", "26.1.0"),
    Case("msgpack", "1.2.4"),
    Case("orjson", "3.13.0"),
    Case("redis", "8.1.0"),
    Case("paramiko", "5.1.0"),
    Case("cffi", "2.1.1"),
    Case("greenlet", "3.5.6"),
    Case("gevent", "26.9.0"),
    Case("aiohttp", "3.14.5"),
    Case("httpx", "0.28.1"),
    Case("scipy", "1.18.1"),
    Case("matplotlib", "3.11.2"),
    Case("beautifulsoup4", "4.15.0"),
    Case("simplejson", "4.3.0"),
    Case("ujson", "6.1.0"),
    Case("python-dateutil", "4.0.0"),
    Case("pytz", "2026.6"),
    Case("tqdm", "4.70.1"),
    Case("setuptools", "84.2.1"),
    Case("wheel", "0.48.0"),
    Case("packaging", "26.3"),
    Case("virtualenv", "21.15.7"),
    Case("watchdog", "7.1.0"),
    Case("pyzmq", "27.3.0"),
    Case("regex", "2026.11.15"),
    Case("zstandard", "0.25.0"),
    Case("lz4", "4.4.5"),
    Case("bcrypt", "5.0.0"),
    Case("PyNaCl", "1.6.2"),
    Case("dill", "0.4.1"),
    Case("cloudpickle", "3.1.2"),
    Case("joblib", "1.6.0"),
    Case("tornado", "6.6.1"),
    Case("openpyxl", "3.1.5"),
    Case("Pygments", "2.21.0"),
    Case("Markdown", "3.11.3"),
    Case("networkx", "3.7"),
)


def chosen(names: list[str]) -> list[Case]:
    """Give the cases of these names, or all. Raises ValueError for a name that is none."""
    known = {case.package.lower(): case for case in CASES}
    if unknown := [name for name in names if name.lower() not in known]:
        raise ValueError(
            f"no such package: {', '.join(unknown)}; there are {', '.join(case.package for case in CASES)}"
        )
    return [known[name.lower()] for name in names] or list(CASES)
