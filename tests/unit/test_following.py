"""Which programs that nobody could look at count as Pythons that were not traced."""

from types import SimpleNamespace

from pyxhon.following import count_unseen_programs
from pyxhon.process_images import Image

MS = 1_000_000


def image(process, ran_ns, *, is_ended=True):
    return Image(process, process, process, None, 0, "program", [], None, started_ns=MS, is_ended=is_ended,
                 ended_ns=MS + ran_ns if is_ended else 0)  # fmt: skip


def test_a_program_counts_when_it_ran_for_as_long_as_a_python_needs():
    running = image(3, 0, is_ended=False)
    tracing = SimpleNamespace(
        unseen=[image(1, MS), image(2, 3 * MS), running], recorder=SimpleNamespace(extra_losses={})
    )

    count_unseen_programs(tracing)

    assert tracing.recorder.extra_losses == {(2, "audit", "python_untraced"): 1}
    assert tracing.unseen == [running]

    count_unseen_programs(tracing, is_last=True)

    assert tracing.recorder.extra_losses == {
        (2, "audit", "python_untraced"): 1,
        (3, "audit", "python_untraced"): 1,
    }
    assert tracing.unseen == []
