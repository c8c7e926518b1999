"""Jinja2: templates from a folder, compiled, inherited, escaped, cached as bytecode, and in a sandbox."""

import tempfile
from pathlib import Path

import jinja2
import jinja2.sandbox

_BASE = "<title>{% block title %}{% endblock %}</title>{% block body %}{% endblock %}"
_PAGE = (
    '{% extends "base.html" %}{% macro row(name, value) %}<td>{{ name }}</td><td>{{ value|round(1) }}</td>{% endmacro %}'
    "{% block title %}{{ title }}{% endblock %}"
    "{% block body %}{% for name, value in rows %}<tr>{{ row(name, value) }}</tr>{% endfor %}{% endblock %}"
)


def main():
    """Render a few hundred pages."""
    rows = [(f"<{number}>", number / 7) for number in range(50)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "base.html").write_text(_BASE)
        (Path(folder) / "page.html").write_text(_PAGE)
        for _ in range(2):
            environment = jinja2.Environment(
                loader=jinja2.FileSystemLoader(folder),
                autoescape=True,
                bytecode_cache=jinja2.FileSystemBytecodeCache(folder),
            )
            for number in range(400):
                page = environment.get_template("page.html").render(title=f"page {number}", rows=rows)
                assert "&lt;49&gt;" in page
    closed = jinja2.sandbox.SandboxedEnvironment()
    try:
        closed.from_string("{{ ().__class__.__bases__[0].__subclasses__() }}").render()
    except jinja2.exceptions.SecurityError:
        return
    raise AssertionError("the sandbox let it through")


if __name__ == "__main__":
    main()
