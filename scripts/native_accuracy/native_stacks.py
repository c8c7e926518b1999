"""Native stacks as another unwinder and PyXhon tell them, compared frame by frame; for all that do so."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accuracy_page import replace_part, table

Frames = Sequence[tuple[str, int]]
"""(Path of the file, address as linked in it), innermost first."""


@dataclass
class Compared:
    """What came out: stacks that are the same, those where theirs ends earlier and those where it goes another way."""

    same: int = 0
    shorter: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    frames: int = 0

    @property
    def stacks(self) -> int:
        """Give how many were compared."""
        return self.same + len(self.shorter) + len(self.differences)

    def add(self, what: str, theirs: Frames, ours: Frames) -> None:
        """Compare one stack; `what` tells which it is where they differ."""
        self.frames += len(theirs)
        if tuple(theirs) == tuple(ours):
            self.same += 1
        elif tuple(ours[: len(theirs)]) == tuple(theirs):
            self.shorter.append(f"{what} {_describe(theirs, ours)}")
        else:
            self.differences.append(f"{what} {_describe(theirs, ours)}")

    def print(self, package: str) -> None:
        """Print the numbers and each stack that is not the same."""
        row = (package, self.stacks, self.same, len(self.shorter), self.frames)
        print(*row, *self.shorter, *self.differences, sep="\n    ", flush=True)


def _describe(theirs: Frames, ours: Frames) -> str:
    """Give the first frame that differs, and the one that it called."""
    pairs = list(zip(theirs, ours, strict=False))
    index = next((index for index, (a, b) in enumerate(pairs) if a != b), len(pairs))
    told = [" > ".join(map(_name, frames[max(index - 1, 0) : index + 1])) for frames in (theirs, ours)]
    return f"at frame {index} of {len(theirs)}/{len(ours)}: theirs {told[0]}, ours {told[1]}"


def _name(frame: tuple[str, int]) -> str:
    path, address = frame
    return f"{Path(path).name}+{address:#x}" if path else "no file"


def write_stacks(page: Path, unwinder: str, compared: dict[str, Compared]) -> None:
    """Write the table of an unwinder between its markers of a page."""
    head = ("package", "stacks", "the same", f"the same as far as {unwinder}'s go", "frames compared")
    rows = [(name, one.stacks, one.same, len(one.shorter), one.frames) for name, one in compared.items()]
    _write(page, unwinder, table(head, rows))


def write_differences(page: Path, unwinder: str, compared: dict[str, Compared]) -> None:
    """Write every stack that is not the same between markers of their own, those that are alike together."""
    found = [(name, told) for name, one in compared.items() for told in (*one.shorter, *one.differences)]
    rows = [(name, count, f"`{told}`") for (name, told), count in Counter(found).items()]
    _write(page, f"{unwinder} differences", table(("package", "times", "difference"), rows) if rows else "None.")


def _write(page: Path, name: str, content: str) -> None:
    page.write_text(replace_part(page.read_text(encoding="utf-8"), name, content), encoding="utf-8")
