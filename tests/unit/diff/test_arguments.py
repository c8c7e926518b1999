import pytest

from pyxhon.diff.arguments import fold_arguments, show_exactly
from pyxhon.diff.names import fold


def folded(**arguments):
    return fold_arguments(arguments, fold)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"pid": 4242, "sig": "SIGTERM"}, {"pid": 17, "sig": "SIGTERM"}),
        ({"fd": 7}, {"fd": 12}),
        ({"sockfd": 7, "addr": "127.0.0.1:40000"}, {"sockfd": 9, "addr": "127.0.0.1:50000"}),
        ({"host": "127.0.0.1", "port": 40000}, {"host": "127.0.0.1", "port": 50000}),
        ({"host": "localhost", "port": "40000"}, {"host": "localhost", "port": "50000"}),
        ({"path": 5}, {"path": 6}),
        ({"times": [1764234234.5, 1764234234.5]}, {"times": [1764239999.1, 1764239999.1]}),
        ({"pointer": 140285400010752}, {"pointer": 139962254053376}),
        ({"args": ["/tmp/tmpabcd1234"]}, {"args": ["/tmp/tmpzzzz9999"]}),
        ({"env": {"TMP": "/tmp/tmpabcd1234"}}, {"env": {"TMP": "/tmp/tmpzzzz9999"}}),
    ],
)
def test_numbers_without_meaning_do_not_count(first, second):
    assert folded(**first) == folded(**second)
    assert show_exactly(first) != show_exactly(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"pid": -1}, {"pid": 17}),
        ({"pid": 1}, {"pid": 17}),
        ({"pid": 0}, {"pid": 17}),
        ({"fd": 2}, {"fd": 3}),
        ({"fd": -1}, {"fd": 3}),
        ({"host": "10.0.0.1", "port": 40000}, {"host": "10.0.0.1", "port": 50000}),
        ({"host": "127.0.0.1", "port": 8000}, {"host": "127.0.0.1", "port": 8001}),
        ({"flags": 0}, {"flags": 1}),
        ({"flags": 1}, {"flags": True}),
        ({"flags": 1}, {"flags": "1"}),
        ({"mode": None}, {"mode": "r"}),
        ({"a": "b"}, {"b": "a"}),
    ],
)
def test_what_has_a_meaning_counts(first, second):
    assert folded(**first) != folded(**second)
