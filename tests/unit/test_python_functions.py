"""Names of Python functions: what is written, what a code object says, and whether they fit."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.errors import FunctionNameError
from pyxhon.python_functions import (
    call_name,
    decide,
    literal_last_names,
    module_names_of,
    parse_python_pattern,
    partial_name,
    suggest_python_name,
    wanted_patterns,
)

SEND = parse_python_pattern("requests.sessions:Session.send")
EVIL = parse_python_pattern("evil*:*")


@pytest.mark.parametrize(
    ("pattern", "module", "function", "expected"),
    [
        ("requests.sessions:Session.send", "requests.sessions", "Session.send", True),
        ("requests.sessions:Session.send", "requests.sessions", "Session.sends", False),
        ("requests.sessions:Session.send", "requests", "sessions.Session.send", False),
        ("requests.*:Session.*", "requests.a.sessions", "Session.inner.send", True),
        ("evil*:*", "evil", "<module>", True),
        ("evil*:*", "evil.sub.deep", "Class.method", True),
        ("evil*:*", "not.evil", "run", False),
        ("*:run", "<string>", "run", True),
        ("<string>:*", "<string>", "f.<locals>.<lambda>", True),
        ("app:f?", "app", "fn", True),
        ("App:fn", "app", "fn", False),
    ],
)
def test_a_pattern_means_functions_of_modules(pattern, module, function, expected):
    assert parse_python_pattern(pattern).match(module, function) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("m:Session.send", None),
        ("m:send", None),
        ("m:*.send", None),
        ("m:*", True),
        ("m:*send", True),
        ("m:Ses*d", None),
        ("m:Session.s???", None),
        ("m:Session?send", None),
        ("m:Session.recv", False),
        ("m:Session.send.inner", False),
        ("n:*", False),
    ],
)
def test_up_to_3_10_the_last_part_of_a_name_decides_whether_it_may_be_meant(pattern, expected):
    assert parse_python_pattern(pattern).match("m", partial_name("send")) is expected


_GLOB = st.text(alphabet="ab.*?", min_size=1, max_size=6).filter(
    lambda text: re.fullmatch(r"[ab*?]+(?:\.[ab*?]+)*", text)
)


@given(
    _GLOB, st.text(alphabet="ab", min_size=1, max_size=3), st.lists(st.text("ab", min_size=1, max_size=2), max_size=3)
)
def test_what_a_whole_name_is_meant_by_its_last_part_may_be_meant_by(glob, last, around):
    pattern = parse_python_pattern(f"m:{glob}")
    is_meant = fnmatchcase(".".join((*around, last)), glob)

    known = pattern.match("m", partial_name(last))

    assert not (is_meant and known is False)
    assert not (known is True and not is_meant)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:b:c", "a Python function's name has one colon"),
        ("a.b", "a Python function's name has one colon"),
        (":f", "the module is missing"),
        ("m:", "the function is missing"),
        (":", "the module is missing"),
        ("m..n:f", "the module is no dotted name"),
        ("m:.f", "the function is no dotted name"),
        ("m :f", "the module is no dotted name"),
        ("m:[ab]", "the function is no dotted name"),
        ("m" * 257 + ":f", "the module has more than 256 characters"),
        ("m:" + "f" * 257, "the function has more than 256 characters"),
    ],
)
def test_a_malformed_name_is_refused_with_its_reason(text, message):
    with pytest.raises(FunctionNameError) as caught:
        parse_python_pattern(text)

    assert caught.value.args[0] == message
    assert caught.value.remedy


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text):
    try:
        pattern = parse_python_pattern(text)
    except FunctionNameError:
        return
    assert f"{pattern.module}:{pattern.function}" == text


def test_only_names_with_a_colon_are_pythons_and_each_counts_once():
    assert wanted_patterns(["os.system", "evil*:*", "m:f", "evil*:*"]) == (EVIL, parse_python_pattern("m:f"))


@pytest.mark.parametrize(
    ("file", "known", "is_main", "expected"),
    [
        ("/srv/app.py", ("app",), True, ("__main__", "app")),
        ("/srv/app.py", ("app", "srv.app"), False, ("app", "srv.app")),
        ("<string>", (), False, ("<string>",)),
        ("<string>", (), True, ("__main__", "<string>")),
        ("lib/mod.py", (), False, ("mod.py",)),
        ("/usr/bin/my-tool", (), True, ("__main__", "my-tool")),
        ("<attrs generated init a/b.C>", (), False, ("<attrs generated init a/b.C>",)),
        ("/tmp/a:b.py", (), False, ("a_b.py",)),
        ("/tmp/", (), False, ("?",)),
        ("", (), False, ("?",)),
        (None, (), False, ("?",)),
    ],
)
def test_a_module_goes_by_every_name_it_may_have(file, known, is_main, expected):
    assert module_names_of(file, known, is_main=is_main) == expected


def test_a_module_name_is_bounded():
    assert module_names_of("<" + "x" * 5000 + ">", (), is_main=False) == ("<" + "x" * 255,)


def test_the_patterns_that_mean_a_function_are_told():
    any_send = parse_python_pattern("*:Session.send")

    assert decide([SEND, EVIL, any_send], ("requests.sessions",), "Session.send") == (SEND.text, any_send.text)
    assert decide([SEND, EVIL], ("evil.twin", "sessions"), "f") == (EVIL.text,)
    assert decide([SEND, EVIL], ("requests.sessions",), "Session.get") == ()


def test_a_function_that_may_be_meant_is_wanted():
    assert decide([SEND], ("requests.sessions",), partial_name("send")) == (SEND.text,)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("app:main", "app:main"),
        ("__main__:main", "__main__:main"),
        ("*:main", "__main__:main"),
        ("x:y", "__main__:main"),
    ],
)
def test_calls_go_by_the_name_that_was_asked_for(pattern, expected):
    assert call_name([parse_python_pattern(pattern)], ("__main__", "app"), "main") == expected


def test_a_name_that_is_not_whole_shows_it():
    assert (partial_name("f"), partial_name("<module>")) == ("….f", "<module>")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("requests.sessions.Session.send", "requests.sessions:Session.send"),
        ("os.getenv", "os:getenv"),
        ("Thing.run", "Thing:run"),
        ("len", None),
        ("a..b", None),
    ],
)
def test_a_dotted_name_is_written_as_a_python_function(asked, expected):
    assert suggest_python_name(asked) == expected


def test_a_whole_name_is_more_specific_than_any_glob():
    assert SEND.specificity > parse_python_pattern("requests.sessions:Session.sen?").specificity > EVIL.specificity


def test_a_hostile_name_takes_no_time():
    pattern = parse_python_pattern("*a" * 60 + ":" + "*a" * 60 + "b")

    assert pattern.match("a" * 5000, "a" * 5000) is False
    assert pattern.match("a" * 5000, partial_name("a" * 5000)) is False


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["m:f"], {"f"}),
        (["m:A.f", "*:B?.g", "x.*:outer.<locals>.<lambda>"], {"f", "g", "<lambda>"}),
        (["m:f", "m:A.*"], None),
        (["m:f?"], None),
        (["m:caf\u00e9"], None),
    ],
)
def test_what_functions_are_called_at_last_is_told_where_no_glob_leaves_it_open(names, expected):
    assert literal_last_names(wanted_patterns(names)) == expected
