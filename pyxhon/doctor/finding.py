"""What the doctor found about one thing that tracing needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; what is not required makes tracing worse, not impossible."""

    name: str
    is_ok: bool
    detail: str
    remedy: str = ""
    is_required: bool = True
