"""Names of C functions: what people write and what files say."""

import pytest

from pyxhon.function_names import Match, match, nearest, public_name, resolve

_KNOWN = (
    "_socket.socket.send",
    "generator.send",
    "posix.system",
    "io.open",
    "str.join",
    "builtins.len",
    "_pickle.loads",
)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("socket.socket.send", "_socket.socket.send"),
        ("_socket.socket.send", "_socket.socket.send"),
        ("os.system", "posix.system"),
        ("open", "io.open"),
        ("io.open", "_io.open"),
        ("builtins.open", "io.open"),
        ("len", "builtins.len"),
        ("builtins.str.join", "str.join"),
        ("pickle.loads", "_pickle.loads"),
    ],
)
def test_a_public_name_means_the_function_behind_it(asked, known):
    assert match(asked, known) is Match.WHOLE


@pytest.mark.parametrize(
    ("asked", "known", "how"),
    [
        ("numpy.core._multiarray_umath.empty", "_multiarray_umath.empty", Match.KNOWN_END),
        ("socket.send", "_socket.socket.send", Match.END),
        ("send", "generator.send", Match.LAST),
        ("end", "generator.send", Match.NONE),
        ("socket.socket.recv", "_socket.socket.send", Match.NONE),
        ("json.dumps", "_pickle.dumps", Match.NONE),
    ],
)
def test_how_well_a_name_fits_is_told(asked, known, how):
    assert match(asked, known) is how


def test_a_bare_name_is_a_builtin_first():
    found = resolve("len", ("thing.len", "builtins.len"))

    assert found.names == ("builtins.len",)


def test_a_name_of_several_functions_gives_them_all():
    assert resolve("send", _KNOWN).names == ("_socket.socket.send", "generator.send")


def test_the_nearest_names_are_those_that_end_alike():
    assert nearest("socket.sock.send", _KNOWN)[0] == "socket.socket.send"
    assert "os.system" in nearest("os.sistem", _KNOWN)


def test_people_know_functions_by_public_names():
    assert [public_name(name) for name in ("posix.system", "builtins.len", "_ctypes.dlopen", "str.join")] == [
        "os.system", "len", "_ctypes.dlopen", "str.join",
    ]  # fmt: skip
