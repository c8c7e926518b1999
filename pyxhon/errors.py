"""Every deliberate error, with the exit status it leads to."""

from typing import ClassVar


class PyxhonError(Exception):
    """A job that could not be done; the message says what and why, `remedy` what to do about it."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        """Give one line: what, why and the remedy."""
        message = super().__str__()
        return f"{message}; {self.remedy}" if self.remedy else message


class TargetError(PyxhonError):
    """The process is not there, ended, or may not be read."""


class InterpreterError(PyxhonError):
    """The process does not run a CPython that can be traced."""


class UnsupportedInterpreterError(InterpreterError):
    """It is a CPython, but none that PyXhon can trace."""


class CalibrationError(PyxhonError):
    """Entries of Python functions cannot be counted exactly in this build; the message says what differed."""


class ElfError(PyxhonError):
    """An ELF file is truncated or malformed."""


class KernelError(PyxhonError):
    """The kernel refuses what tracing needs."""


class FunctionNameError(PyxhonError):
    """A function was named that is none, or may be several."""

    exit_status: ClassVar[int] = 2


class TraceError(PyxhonError):
    """A trace file cannot be read or written."""


class ReportError(PyxhonError):
    """A report cannot be read."""


class PolicyError(PyxhonError):
    """A policy file is invalid."""


class OutputError(PyxhonError):
    """A report or trace cannot be written."""


class EvaluationError(PyxhonError):
    """A package cannot be evaluated: it is not to be had, or there is no sandbox."""
