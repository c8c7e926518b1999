"""Acts that may fail, each after it raised its event."""

import ftplib
import smtplib
import sqlite3

EXPECTED = (
    OSError,
    SyntaxError,
    NameError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    sqlite3.Error,
    smtplib.SMTPException,
    ftplib.Error,
)


def attempt(act, *arguments):
    try:
        act(*arguments)
    except EXPECTED:
        pass
