"""What had run, read from outside, against what Python itself says in a second run of the same program."""

import functools
import json

from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.ran_functions import read_ran_functions, shows_what_ran
from pyxhon.target.process import read_memory
from tests.interpreters import every_python
from tests.targets import running

_NOTHING_SHOWS = (3, 12)


def _observe(python, mode):
    """The program's own account, and what was read from outside: code objects by address."""
    with running(python, "ran_functions.py", mode) as target:
        state = json.loads(target.hear())
        read = functools.partial(read_memory, target.pid)
        pieces = list(read_ran_functions(read, _layout(python), state["runtime"]))
    assert [piece.problems for piece in pieces if piece.problems] == []
    functions = [function for piece in pieces for function in piece.functions]
    assert len({function.code_address for function in functions}) == len(functions)
    assert len(functions) > 1000
    return state, {function.code_address: function for function in functions}


def _layout(python):
    return load_layout(".".join(map(str, python.version)))


@functools.cache
def _names_that_ran(python):
    """What sys.monitoring says, on 3.11 sys.setprofile, of all code objects that can be reached."""
    with running(python, "ran_functions.py", "oracle") as target:
        state = json.loads(target.hear())
    reachable = set(map(tuple, state["codes"].values()))
    return reachable & set(map(tuple, state["ran"]))


def _by_name(functions, state):
    """Whether each code object of the program ran; no two of them share a line."""
    own = [function for address, function in functions.items() if str(address) in state["codes"]]
    named = {(function.qualified_name, function.first_line): function.has_run for function in own}
    assert len(named) == len(own) == len(state["codes"])
    return named


@every_python(min=(3, 11), but=_NOTHING_SHOWS)
def test_what_ran_is_what_python_says(python):
    state, functions = _observe(python, "plain")

    found = _by_name(functions, state)

    assert {name for name, has_run in found.items() if has_run} == _names_that_ran(python)
    assert None not in found.values()
    assert len(_names_that_ran(python)) > 80


@every_python(min=(3, 8))
def test_every_code_object_that_can_be_reached_is_found(python):
    state, functions = _observe(python, "plain")

    found = {address: function for address, function in functions.items() if function.file == state["file"]}

    told = {int(address): tuple(name) for address, name in state["codes"].items() if not name[0].startswith("counted")}
    assert {address: (one.qualified_name, one.first_line) for address, one in found.items()} == told
    assert len(told) > 90


@every_python(min=(3, 11), but=_NOTHING_SHOWS)
def test_names_say_what_ran(python):
    """The program calls what it never runs idle."""
    state, functions = _observe(python, "plain")

    found = _by_name(functions, state)

    last_names = {name.rpartition(".")[2]: has_run for (name, _), has_run in found.items()}
    is_idle = {name: name.startswith("idle") for name in last_names if not name.startswith(("<", "counted", "__ann"))}
    assert {name: not last_names[name] for name in is_idle} == is_idle


@every_python(min=(3, 11), but=_NOTHING_SHOWS)
def test_to_have_run_once_is_enough(python):
    state, functions = _observe(python, "plain")

    counted = {name: has_run for (name, _), has_run in _by_name(functions, state).items() if name.startswith("counted")}

    assert counted == {f"counted_{times}": times > 0 for times in range(20)}


def _made_before_they_run(python):
    """Monitoring instruments a generator expression when it is made, from 3.15 on."""
    makers = ("comprehensions", "makes_idle_generators") if python.version >= (3, 15) else ()
    return {f"{maker}.<locals>.<genexpr>" for maker in makers}


@every_python(min=(3, 11), but=_NOTHING_SHOWS)
def test_what_ran_under_a_profiler_is_known(python):
    for mode in ("profiled", "profiled-before"):
        state, functions = _observe(python, mode)

        found = _by_name(functions, state)

        unknown = {name for name, has_run in found.items() if has_run is None}
        assert {name for name, has_run in found.items() if has_run} == _names_that_ran(python) - unknown, mode
        assert {name for name, _ in unknown} == _made_before_they_run(python), mode


@every_python(min=(3, 13))
def test_what_is_watched_alone_is_not_known_unless_it_shows(python):
    state, functions = _observe(python, "watched")

    found = _by_name(functions, state)

    last_names = {name.rpartition(".")[2]: has_run for (name, _), has_run in found.items()}
    watched = {name: last_names[name] for name in ("idle_plain", "plain", "idle_annotated", "annotated")}
    assert watched == {"idle_plain": None, "plain": None, "idle_annotated": None, "annotated": True}
    assert list(found.values()).count(None) == 3


@every_python(min=(3, 11), but=_NOTHING_SHOWS)
def test_each_interpreter_has_functions_of_its_own(python):
    state, functions = _observe(python, "within")

    own = [one for one in (functions[int(address)] for address in state["codes"]) if one.file == state["file"]]
    ran = {function.qualified_name for function in own if function.has_run}
    at_import = {"wraps", "hides", "replaces", "base_of_nothing"}
    assert ran == {"plain"} | at_import
    assert len(own) > 40


@every_python(min=(3, 8), max=(3, 10))
def test_before_3_11_nothing_shows(python):
    assert not shows_what_ran(_layout(python))


@every_python(min=_NOTHING_SHOWS, max=_NOTHING_SHOWS)
def test_on_3_12_nothing_shows(python):
    _, functions = _observe(python, "plain")

    assert not shows_what_ran(_layout(python))
    assert {function.has_run for function in functions.values()} == {None}


@every_python(min=(3, 11))
def test_a_process_that_has_gone_is_told(python):
    with running(python, "ran_functions.py", "plain") as target:
        runtime = json.loads(target.hear())["runtime"]

    pieces = list(read_ran_functions(functools.partial(read_memory, target.pid), _layout(python), runtime))

    assert [piece for piece in pieces if piece.functions] == []
    assert [problem for piece in pieces for problem in piece.problems] == ["the interpreters cannot be read"]
