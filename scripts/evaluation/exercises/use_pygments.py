"""Pygments: sources of several languages highlighted as HTML, LaTeX and for a terminal."""

import inspect

import pygments
from pygments import formatters, lexers


def main():
    """Highlight its own source and more."""
    python = inspect.getsource(lexers)
    texts = {
        "python": python,
        "c": "int main(void) { return 0; } /* end */\n" * 200,
        "json": '{"a": [1, 2.5, null, "text"]}\n' * 200,
        "html": "<p class='x'>text <b>bold</b></p>\n" * 200,
    }
    for name, text in texts.items():
        lexer = lexers.get_lexer_by_name(name)
        for formatter in (formatters.HtmlFormatter(), formatters.LatexFormatter(), formatters.TerminalFormatter()):
            assert len(pygments.highlight(text, lexer, formatter)) > len(text)
    assert lexers.guess_lexer_for_filename("x.py", python).name == "Python"
    assert lexers.get_lexer_for_filename("Makefile").name == "Makefile"
    assert ".k {" in formatters.HtmlFormatter(style="monokai").get_style_defs()


if __name__ == "__main__":
    main()
