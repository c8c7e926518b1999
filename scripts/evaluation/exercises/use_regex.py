"""regex: patterns with what re lacks: properties, fuzzy matches, recursion, and a limit of time."""

import regex

_TEXT = "The quick brown fox (jumps (over) the) lazy dog. Der schnelle Fuchs, él y ella. " * 200


def main():
    """Search a text."""
    for _ in range(60):
        assert len(regex.findall(r"\p{Lu}\p{Ll}+", _TEXT)) == 600
        assert regex.search(r"\((?:[^()]|(?R))*\)", _TEXT)[0] == "(jumps (over) the)"
        assert regex.search(r"(?:quikc){e<=2}", _TEXT)
        assert len(regex.split(r"(?V1)\W++", _TEXT)) > 3000
    assert regex.match(r"(?<word>\w+)\s(?&word)", _TEXT)["word"] == "The"
    assert regex.sub(r"(?r)\bdog", "cat", _TEXT, count=1).count("cat") == 1
    try:
        regex.fullmatch(r"(a+)+b", "a" * 40, timeout=0.2)
    except TimeoutError:
        pass
    try:
        regex.compile("(")
    except regex.error as error:
        assert error.pos == 1


if __name__ == "__main__":
    main()
