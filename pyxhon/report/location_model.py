"""A place in Python source, which most rows of the report have."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A place in Python source; each part is null when it could not be read."""

    file: str | None
    line: int | None
    function: str | None
