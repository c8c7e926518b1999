"""What goes to standard error: log records and the one line of an error, always safe to show."""

import logging
import sys
from typing import Final

import click

from pyxhon.report.escape import escape

_MESSAGE_LIMIT: Final = 4000
_LEVELS: Final = (logging.WARNING, logging.INFO, logging.DEBUG)


class EscapingFormatter(logging.Formatter):
    """Escapes the message, for it may carry text of the target; a traceback follows as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        """Give the one line of a record."""
        record.message = escape(record.message, _MESSAGE_LIMIT)
        return super().formatMessage(record)


def configure_messages(verbosity: int, *, is_quiet: bool) -> None:
    """Send what PyXhon logs to standard error: warnings, with -v progress, with -vv everything."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EscapingFormatter("pyxhon: %(message)s"))
    logger = logging.getLogger("pyxhon")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.ERROR if is_quiet else _LEVELS[min(verbosity, len(_LEVELS) - 1)])


def is_verbose() -> bool:
    """Tell whether the user asked for more than warnings."""
    return logging.getLogger("pyxhon").isEnabledFor(logging.INFO)


def show_error(message: str) -> None:
    """Print the one line that an error ends in."""
    click.echo(f"pyxhon: {escape(message, _MESSAGE_LIMIT)}", err=True)
