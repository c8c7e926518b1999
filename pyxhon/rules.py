"""What behaviours are sorted and judged by. What reads it is imported where it is needed: most runs have no policy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyxhon.session_options import TraceOptions

if TYPE_CHECKING:
    from pyxhon.categories import CategoryTables
    from pyxhon.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy; without one nothing is judged."""

    policy: "Policy | None"

    @property
    def tables(self) -> "CategoryTables":
        """Give the categories, which come with PyXhon."""
        from pyxhon.policy.parse import load_categories  # noqa: PLC0415 - the first event need not wait for it

        return load_categories()


def load_rules(options: TraceOptions) -> Rules:
    """Read the policies asked for. Raises PolicyError; so call it before tracing."""
    if not options.policy_paths:
        return Rules(None)
    from pyxhon.policy.parse import load_policies  # noqa: PLC0415 - as above

    return Rules(load_policies(options.policy_paths))
