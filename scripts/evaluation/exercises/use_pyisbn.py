"""pyisbn: book numbers checked, converted and made into links."""

import pyisbn


def _number(index):
    digits = f"978{index * 7919 % 10**9:09}"
    return digits + pyisbn.calculate_checksum(digits)


def main():
    """Check twenty thousand numbers."""
    for index in range(20_000):
        number = _number(index)
        assert pyisbn.validate(number)
        book = pyisbn.Isbn(number)
        assert book.validate()
        assert book.calculate_checksum() == number[-1]
        short = pyisbn.convert(number)
        assert pyisbn.convert(short) == number
        assert number in book.to_urn()
    wrong = "9780306406158"
    assert not pyisbn.validate(wrong)
    assert "worldcat" in pyisbn.Isbn13("9780306406157").to_url("worldcat")


if __name__ == "__main__":
    main()
