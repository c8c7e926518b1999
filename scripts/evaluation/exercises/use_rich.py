"""rich: tables, trees, highlighted code, Markdown and a progress bar, written to memory."""

import io

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress
from rich.syntax import Syntax
from rich.table import Table
from rich.traceback import Traceback
from rich.tree import Tree


def main():
    """Print a lot."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    for _ in range(3):
        table = Table("number", "square", title="squares")
        for number in range(200):
            table.add_row(str(number), f"[bold]{number**2}[/bold]")
        console.print(table)
        tree = Tree("root")
        for number in range(50):
            tree.add(f"branch {number}").add("leaf")
        console.print(tree)
        console.print(Syntax("def f(x):\n    return x + 1\n" * 30, "python", line_numbers=True))
        console.print(Markdown("# Title\n\n* one\n* two\n\n```python\nx = 1\n```\n" * 10))
    with Progress(console=console, auto_refresh=False) as progress:
        for _ in progress.track(range(200)):
            progress.refresh()
    try:
        {}["missing"]
    except KeyError:
        console.print(Traceback(show_locals=True))
    assert "39601" in console.file.getvalue()


if __name__ == "__main__":
    main()
