"""click: a program with groups, options, files and prompts, run many times by its test runner."""

import tempfile
from pathlib import Path

import click
from click.testing import CliRunner


@click.group()
@click.option("--verbose", is_flag=True)
@click.pass_context
def program(context, verbose):
    """Do one of two things."""
    context.obj = verbose


@program.command()
@click.argument("source", type=click.File())
@click.option("--times", type=click.IntRange(1, 5), default=1, show_default=True)
@click.pass_obj
def repeat(verbose, source, times):
    """Print a file several times."""
    click.echo(source.read() * times)
    if verbose:
        click.secho("done", fg="green")


@program.command()
@click.option("--name", prompt=True)
@click.confirmation_option(prompt="Sure?")
def greet(name):
    """Greet somebody."""
    click.echo(f"Hello {name}")


def main():
    """Run it."""
    runner = CliRunner()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        text.write_text("line\n")
        for _ in range(300):
            done = runner.invoke(program, ["--verbose", "repeat", str(text), "--times", "3"])
            assert done.output.count("line") == 3, done.output
            assert "Hello you" in runner.invoke(program, ["greet"], input="you\ny\n").output
            assert runner.invoke(program, ["repeat", str(text), "--times", "9"]).exit_code == 2
            assert "Do one of two things" in runner.invoke(program, ["--help"]).output


if __name__ == "__main__":
    main()
