"""Text of a target in Markdown: always in a code span, where nothing has a meaning, and on one line."""


def code(shown: str) -> str:
    """Put text that was escaped already into a code span.

    Within one there are no links, no HTML, no mentions and no references, and only a backtick ends it: that is shown as
    the escape that `escape` has for others. Backslashes were doubled, so nobody can fake it.
    """
    return "`" + shown.replace("`", "\\x60") + "`" if shown.strip() else "-"


def cell(shown: str) -> str:
    """Put it into a code span in a row of a table, where a bar would end the cell.

    Before a bar stands an even number of backslashes, for they were doubled: with one more it is escaped for every
    reader, whether it pairs backslashes or looks at the last one alone.
    """
    return code(shown).replace("|", "\\|")
