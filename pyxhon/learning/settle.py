"""Drafts → a policy that the judge accepts: it is written, read again and held against every act that was seen."""

from collections.abc import Sequence
from typing import Final

from pyxhon.errors import PolicyError
from pyxhon.learning.drafts import Draft
from pyxhon.learning.seen import SeenTrace
from pyxhon.learning.writing import write_policy
from pyxhon.policy.judge import decide, weigh
from pyxhon.policy.model import Policy
from pyxhon.policy.parse import read_policy

_MOST_ROUNDS: Final = 12
LABEL: Final = "learned policy"


def settle(drafts: Sequence[Draft], traces: Sequence[SeenTrace], package: str | None) -> str:
    """Give the text of the policy; what is not allowed yet is widened, act by act. Raises PolicyError."""
    for _ in range(_MOST_ROUNDS):
        text = write_policy(drafts, traces, package)
        policy = read_policy(text.encode("utf-8"), LABEL)
        if not [draft for draft in drafts if _widen(draft, traces, policy)]:
            return text
    raise PolicyError("no policy was found that allows all that was seen", "please report it, with the trace")


def _widen(draft: Draft, traces: Sequence[SeenTrace], policy: Policy) -> bool:
    """Widen what is not allowed; tells whether something was."""
    is_changed = False
    for number, act in enumerate(draft.package.acts):
        owner = act.behaviour.owner
        entries = policy.entries_for(owner.name, owner.origin)
        directory = traces[act.trace].directories.get(act.behaviour.process)
        verdict = decide(act.behaviour, weigh(act.behaviour, policy, entries, directory)).verdict
        if verdict == "violation" or (verdict == "unjudged" and act.behaviour.category is not None):
            draft.widen(number)
            is_changed = True
    return is_changed
