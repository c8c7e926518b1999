"""Markdown: a document with tables, code, footnotes and a table of contents made into HTML."""

import tempfile
from pathlib import Path

import markdown

_TEXT = """
# Part {0}

Some *text* with [a link](http://example.org/{0}) and a note[^{0}].

| a | b |
|---|---|
| 1 | 2 |

```python
x = {0}
```

[^{0}]: The note.
"""


def main():
    """Convert it."""
    text = "[TOC]\n" + "".join(_TEXT.format(number) for number in range(120))
    extensions = ["extra", "toc", "sane_lists", "admonition"]
    page = markdown.markdown(text, extensions=extensions)
    assert page.count("<table>") == 120
    assert page.count('class="footnote-ref"') == 120
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.md", Path(folder) / "page.html"
        source.write_text(text)
        markdown.markdownFromFile(input=str(source), output=str(target), extensions=extensions)
        assert target.read_text() == page


if __name__ == "__main__":
    main()
