"""The page put together: template, styles, scripts and data in one file, under a policy that lets nothing else in."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final, TextIO

import jinja2

from pyxhon.categories import CATEGORIES, LETTERS
from pyxhon.report.digest import gather_acts
from pyxhon.report.html.content import LIMITS, Limits, make_content
from pyxhon.report.html.summary import summarise
from pyxhon.report.html.tables import show_text
from pyxhon.report.model import Report

_FOLDER: Final = Path(__file__).parent
_SOURCE_MAP: Final = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)  # a browser would ask for it

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f]")  # in strings of minified scripts, as they stand


def write_html(report: Report, out: TextIO, limits: Limits = LIMITS) -> None:
    """Write the report as one HTML file; text of the target is in it as escaped data, never as markup or code."""
    acts = gather_acts(report)
    script, style = read_script(), read_style()
    content = make_content(report, acts, limits)
    template = _make_environment().get_template("page.html")
    parts = template.generate(
        report=report,
        summary=summarise(report, acts),
        categories=[(category, letter) for letter, category in LETTERS.items() if category in CATEGORIES],
        content=content,
        act_count=len(acts),
        policy=make_security_policy(script, style),
        script=script,
        style=style,
    )
    out.writelines(parts)


def read_script() -> str:
    """Give the page's script: what is from others, then the files of `script` by their names, in one scope."""
    vendored = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", _SOURCE_MAP.sub("", _read_all("vendor", "*.js")))
    return '(function () {\n"use strict";\n' + vendored + _read_all("script", "*.js") + "}());\n"


def read_style() -> str:
    """Give the page's styles."""
    return _read_all("style", "*.css")


def make_security_policy(script: str, style: str) -> str:
    """Give the Content-Security-Policy: our script and our styles by their hashes, no other source of anything."""
    directives = (
        "default-src 'none'",
        f"script-src '{_hash(script)}'",
        f"style-src '{_hash(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return "; ".join(directives)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read_all(folder: str, pattern: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((_FOLDER / folder).glob(pattern)))


@cache
def _make_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = lambda text: show_text(str(text))
    environment.filters["thousands"] = lambda number: f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return environment
