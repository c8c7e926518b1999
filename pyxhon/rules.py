"""What behaviours are sorted and judged by. What reads it is imported where it is needed: most runs have no policy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyxhon.session_options import TraceOptions

if TYPE_CHECKING:
    from pyxhon.categories import CategoryTables
    from pyxhon.policy.model import Policy
    from pyxhon.policy.sequence_finding import Watched


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy; without one nothing is judged."""

    policy: "Policy | None"
    action: Literal["report", "stop", "kill"] = "report"
    """What a violation brings upon the process while it is traced."""

    @property
    def watched(self) -> "tuple[Watched, ...]":
        """Give the sequences that are looked for: the policy's, and PyXhon's own, which judge nothing."""
        from pyxhon.policy.parse import load_builtin_sequences  # noqa: PLC0415 - as in tables
        from pyxhon.policy.sequence_finding import Watched  # noqa: PLC0415 - as in tables

        own = self.policy.sequences if self.policy else ()
        names = {each.name for each in own}
        others = [each for each in load_builtin_sequences() if each.name not in names]
        return (*(Watched(each, "violation") for each in own), *(Watched(each, "unjudged") for each in others))

    @property
    def tables(self) -> "CategoryTables":
        """Give the categories, which come with PyXhon."""
        from pyxhon.policy.parse import load_categories  # noqa: PLC0415 - the first event need not wait for it

        return load_categories()


def load_rules(options: TraceOptions) -> Rules:
    """Read the policies asked for. Raises PolicyError; so call it before tracing."""
    if not options.policy_paths:
        return Rules(None)  # where nothing is judged, nothing is answered
    from pyxhon.policy.parse import load_policies  # noqa: PLC0415 - as above

    policy = load_policies(options.policy_paths)
    return Rules(policy, options.on_violation or policy.on_violation or "report")
