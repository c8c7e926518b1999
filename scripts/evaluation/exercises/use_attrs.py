"""attrs: classes made, compared, validated, converted, evolved and turned into dicts."""

import attrs


@attrs.define
class Point:
    """Mutable, with slots."""

    x: float = attrs.field(converter=float, validator=attrs.validators.ge(0))
    y: float = attrs.field(default=0.0, on_setattr=attrs.setters.frozen)


@attrs.frozen(order=True)
class Name:
    """Frozen and ordered."""

    last: str
    first: str = ""


def main():
    """Make thousands of objects and a few hundred classes."""
    for number in range(40_000):
        point = attrs.evolve(Point(number), x=str(number + 1))
        assert attrs.asdict(point) == {"x": number + 1.0, "y": 0.0}
    assert sorted([Name("b"), Name("a", "z"), Name("a")])[0] == Name("a")
    for number in range(300):
        made = attrs.make_class(f"Made{number}", {f"field{part}": attrs.field(default=part) for part in range(5)})
        assert made() == made(field3=3)
    for act in (lambda: Point(-1), lambda: setattr(Name("a"), "last", "b"), lambda: setattr(Point(1), "y", 2)):
        try:
            act()
        except (ValueError, AttributeError):
            continue
        raise AssertionError("refused nothing")


if __name__ == "__main__":
    main()
