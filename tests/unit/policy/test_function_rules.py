"""Rules that name functions written in Python, and which of several rules for a call decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.policy.behaviours import act, verdict

SEND = act("requests.sessions:Session.send", kind="call", category=None, request="<Request>", timeout=5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("requests.sessions:Session.send", "violation"),
        ("requests*:*", "violation"),
        ("*:*.send", "violation"),
        ("requests.sessions:Session.get", "unjudged"),
        ("requests.sessions.Session.send", "unjudged"),
        ("*", "unjudged"),
        ("requests*", "unjudged"),
    ],
)
def test_only_a_name_with_a_colon_means_a_python_function(tmp_path, name, expected):
    assert verdict(tmp_path, f"  numpy: {{functions: {{deny: ['{name}']}}}}", SEND) == expected


@pytest.mark.parametrize(
    "behaviour",
    [
        act("socket.socket.send", kind="call", category=None, self=None, args=[], kwargs={}),
        act("my:event", argument_0=1),
        act("dlopen", kind="dll-load", path="/x.so"),
        act("os.system", command="x"),
    ],
)
def test_a_name_with_a_colon_means_nothing_else(tmp_path, behaviour):
    packages = "  numpy: {functions: {deny: ['*:*', 'my:event']}}"

    assert verdict(tmp_path, packages, behaviour) == "unjudged"


@pytest.mark.parametrize("name", ["__main__:main", "app:main", "*:main"])
def test_a_function_goes_by_the_module_of_its_file_too(tmp_path, name):
    main = act("__main__:main", kind="call", category=None, module="app")

    assert verdict(tmp_path, f"  numpy: {{functions: {{deny: ['{name}']}}}}", main) == "violation"


def test_a_function_whose_last_name_alone_is_known_is_denied_and_not_allowed(tmp_path):
    send = act("requests.sessions:….send", kind="call", category=None)
    name = "'requests.sessions:Session.send'"

    assert verdict(tmp_path, f"  numpy: {{functions: {{deny: [{name}]}}}}", send) == "violation"
    assert verdict(tmp_path, f"  numpy: {{functions: {{deny: ['*:*'], allow: [{name}]}}}}", send) == "violation"
    assert verdict(tmp_path, "  numpy: {functions: {deny: ['*:*'], allow: ['requests.*:*']}}", send) == "allowed"


def test_a_python_function_of_a_category_is_judged_by_it(tmp_path):
    run = act("subprocess:run", kind="call", category="os")

    assert verdict(tmp_path, "  numpy: {allow: D}", run) == "violation"
    assert verdict(tmp_path, "  numpy: {allow: D, functions: {allow: ['subprocess:run']}}", run) == "allowed"


@pytest.mark.parametrize(
    ("deny", "allow", "expected"),
    [
        ("{name: 'm:f', args: {x: '*'}}", "{name: 'm:f', args: {x: 'git *'}}", "allowed"),
        ("{name: 'm:f', args: {x: 'git *'}}", "{name: 'm:f', args: {x: '*'}}", "violation"),
        ("{name: 'm:f', args: {x: 'git *'}}", "{name: 'm:f', args: {x: '*push'}}", "violation"),
        ("{name: 'm:*', args: {x: 'git *'}}", "'m:f'", "violation"),
        ("'m:f'", "{name: 'm:*', args: {x: 'git *'}}", "allowed"),
        ("'m:f'", "{name: 'm:f', args: {x: 'hg *'}}", "violation"),
        ("{name: 'm:f', args: {x: 'git *'}}", "{name: 'm:f', args: {x: 'git *', y: 5}}", "allowed"),
        ("{name: 'm:f', args: {z: '*'}}", "'m:f'", "allowed"),
    ],
)
def test_what_asks_more_of_a_call_goes_first(tmp_path, deny, allow, expected):
    push = act("m:f", kind="call", category=None, x="git push", y=5)

    assert verdict(tmp_path, f"  numpy: {{functions: {{deny: [{deny}], allow: [{allow}]}}}}", push) == expected


RM = {"command": "rm -rf /tmp/x", "shell": True}
_NAMES = {"m:f": (1, 3), "m:*": (0, 2), "*:*": (0, 1), "m:g": None}
_ARGUMENTS = {
    (): 0,
    (("command", "rm *"),): 3,
    (("command", "*"),): 0,
    (("command", "ls *"),): None,
    (("command", "rm *"), ("shell", "true")): 7,
    (("command", "rm *"), ("shell", "false")): None,
    (("other", "*"),): None,
}
_RULE = st.tuples(st.sampled_from(list(_NAMES)), st.sampled_from(list(_ARGUMENTS)))
_RULES = st.fixed_dictionaries({}, optional={"deny": st.lists(_RULE, max_size=3), "allow": st.lists(_RULE, max_size=3)})


def write_rule(name, args):
    given_args = ", ".join(f"{key}: '{value}'" for key, value in args)
    return f"{{name: '{name}', args: {{{given_args}}}}}" if args else f"'{name}'"


@given(st.dictionaries(st.sampled_from(["numpy", "num*", "*", "pandas"]), _RULES, min_size=1), st.booleans())
def test_precedence_is_package_then_arguments_then_name_then_deny(tmp_path_factory, entries, is_cut):
    lines, candidates = [], []
    for key, rules in entries.items():
        written = (f"{verb}: [{', '.join(write_rule(*rule) for rule in found)}]" for verb, found in rules.items())
        lines.append(f"  '{key}': {{reason: x, functions: {{{', '.join(written)}}}}}")
        package = {"numpy": (2, 0), "num*": (1, 3), "*": (0, 0), "pandas": None}[key]
        for verb, found in rules.items() if package else ():
            for name, args in found:
                literal = _ARGUMENTS[args]
                if is_cut and args:
                    literal = None if verb == "allow" else sum(len(text.replace("*", "")) for _, text in args)
                if _NAMES[name] is not None and literal is not None:
                    candidates.append((package, len(args), _NAMES[name], literal, verb == "deny"))
    expected = "unjudged" if not candidates else "violation" if max(candidates)[-1] else "allowed"

    behaviour = act("m:f", kind="call", category=None, is_truncated=is_cut, **RM)
    found = verdict(tmp_path_factory.getbasetemp(), "\n".join(lines), behaviour)

    assert found == expected
