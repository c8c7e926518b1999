"""Policies are read whole, or refused with file, line, column and the nearest valid key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.errors import PolicyError
from pyxhon.policy import parse
from pyxhon.policy.parse import list_builtin_policies, load_categories, load_policies, load_policy
from tests.unit.policy.behaviours import write_policy


def refusal(tmp_path, text, name="x.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    return str(caught.value).replace(f"{tmp_path}/", "")


def refusal_of(path):
    try:
        load_policy(path)
    except PolicyError as error:
        return str(error)
    return ""


def entry(tmp_path, packages):
    (found,) = load_policy(write_policy(tmp_path, packages)).packages
    return found


def test_the_policy_of_the_design_is_read_but_for_what_comes_later(tmp_path):
    found = entry(
        tmp_path,
        """
  numpy:
    allow: [dll, os, builtins]
    functions: {deny: ["socket.socket.send"], allow: ["os.getenv"]}
    modules:   {allow: [socket], deny: [smtplib]}
    files:     {read: ["/proc/cpuinfo", "/sys/devices/**"], write: []}
    network:   {connect: ["127.0.0.0/8:*", "*.example.org:443"], bind: []}
    dlls:      {load: ["*openblas*"]}
    reason: free text shown in the report""",
    )

    assert found.allow.shorthand == "D-O-B"
    assert [(rule.pattern.text, rule.is_allowed) for rule in found.functions] == [
        ("socket.socket.send", False),
        ("os.getenv", True),
    ]
    assert sorted(found.lists) == ["dlls.load", "files.read", "files.write", "network.bind", "network.connect"]
    assert found.reason == "free text shown in the report"


def test_a_rule_knows_its_file_and_line(tmp_path):
    found = entry(tmp_path, "  numpy:\n    allow: D-O-B\n    files:\n      read:\n        - /a\n        - /b")

    assert str(found.allow.rule) == f"{tmp_path}/p.yaml:4 packages.numpy.allow"
    assert [str(rule) for rule, _ in found.lists["files.read"].patterns] == [
        f"{tmp_path}/p.yaml:7 packages.numpy.files.read: /a",
        f"{tmp_path}/p.yaml:8 packages.numpy.files.read: /b",
    ]


def test_a_function_may_ask_for_arguments(tmp_path):
    found = entry(
        tmp_path,
        "  numpy:\n    functions:\n      deny:\n        - {name: 'm:f', args: {shell: true, x: 5}}\n        - os.kill",
    )

    rule, plain = found.functions
    assert [(each.name, each.text) for each in rule.arguments] == [("shell", "true"), ("x", "5")]
    assert str(rule.rule) == f"{tmp_path}/p.yaml:6 packages.numpy.functions.deny: m:f(shell: true, x: 5)"
    assert (plain.pattern.text, plain.arguments) == ("os.kill", ())


@pytest.mark.parametrize(
    "written, shorthand",
    [
        ("D-O-B", "D-O-B"),
        ("B-D", "D-B"),
        ("F", "F"),
        ("None", "None"),
        ("'-'", "None"),
        ("[]", "None"),
        ("[os, network]", "N-O"),
        ("N", "N"),
    ],
)
def test_allow_is_a_list_or_the_papers_shorthand(tmp_path, written, shorthand):
    assert entry(tmp_path, f"  numpy:\n    allow: {written}").allow.shorthand == shorthand


@pytest.mark.parametrize(
    "text, message",
    [
        ("version: 1\n\npakages: {}\n", "unknown key 'pakages' at x.yaml:3:1; did you mean 'packages'?"),
        ("version: 1\npackages:\n  numpy:\n    Allow: F\n", "unknown key 'Allow' at x.yaml:4:5; did you mean 'allow'?"),
        ("packages: {a: {allow: F}}\n", "key 'version' is missing at x.yaml:1:1; write version: 1"),
        ("version: 2\npackages: {a: {allow: F}}\n", "policy version '2' is not known at x.yaml:1:10; write version: 1"),
        (
            "version: 1\npackages:\n  numpy: {allow: F}\n  numpy: {allow: N}\n",
            "key 'numpy' is there twice at x.yaml:4:3; make them one",
        ),
        (
            "version: 1\npackages:\n  cx_Freeze: {allow: F}\n  cx-freeze: {allow: N}\n",
            "'cx-freeze' and 'cx_Freeze' are the same package at x.yaml:4:3; make them one entry",
        ),
        (
            "version: 1\npackages: {a: {allow: [flie]}}\n",
            "unknown category 'flie' at x.yaml:2:24; did you mean 'file'?",
        ),
        ("version: 1\npackages: {a: {allow: [F]}}\n", "unknown category 'F' at x.yaml:2:24; did you mean 'file'?"),
        ("version: 1\npackages: {a: {allow: d-o}}\n", "'d-o' names no categories at x.yaml:2:23; did you mean 'D-O'?"),
        ("version: 1\npackages: {a: {allow: file}}\n", "'file' names no categories at x.yaml:2:23; write [file]"),
        (
            "version: 1\npackages: {a: {allow: X-O}}\n",
            "'X-O' names no categories at x.yaml:2:23; write letters of F-N-D-O-B, or None",
        ),
        (
            "version: 1\npackages: {a: {allow: }}\n",
            "allow is empty at x.yaml:2:23; write None to allow no category",
        ),
        (
            "version: 1\npackages:\n  a:\n    syscalls: {deny: [unlink, ptrase]}\n",
            "'ptrase' is no system call that is seen as an act at x.yaml:4:31; did you mean 'ptrace'?",
        ),
        (
            "version: 1\npackages:\n  a:\n    syscalls: {allow: [getrandom]}\n",
            "'getrandom' is no system call that is seen as an act at x.yaml:4:24",
        ),
        (
            "version: 1\npackages:\n  a:\n    native: denied\n",
            "native is deny or allow, not 'denied' at x.yaml:4:13; did you mean 'deny'?",
        ),
        (
            "version: 1\non_violation: reprot\npackages: {a: {allow: F}}\n",
            "unknown on_violation 'reprot' at x.yaml:2:15; did you mean 'report'?",
        ),
        (
            "version: 1\npackages: {a: {files: {read: /etc}}}\n",
            "a list is needed at x.yaml:2:30; write [one, two], or [] for none",
        ),
        (
            "version: 1\npackages: {a: {files: {reed: []}}}\n",
            "unknown key 'reed' at x.yaml:2:24; did you mean 'read'?",
        ),
        (
            "version: 1\npackages: {a: {files: {read: [etc/x]}}}\n",
            "'etc/x': a path pattern begins with /, ~/ or **/ at x.yaml:2:31; write **/etc/x for any folder",
        ),
        (
            "version: 1\npackages: {a: {network: {connect: [example.org]}}}\n",
            "'example.org': a peer needs a port at x.yaml:2:36; write example.org:443, or example.org:* for any",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: ['os system']}}}\n",
            "'os system': this is no dotted name at x.yaml:2:35; write it as in 'socket.socket.send' or 'os.*'",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: ['a:b:c']}}}\n",
            "'a:b:c': a Python function's name has one colon at x.yaml:2:35; write MODULE:QUALNAME, as in ",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [os.system, {nam: x}]}}}\n",
            "unknown key 'nam' at x.yaml:2:47; did you mean 'name'?",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: x, arg: {}}]}}}\n",
            "unknown key 'arg' at x.yaml:2:45; did you mean 'args'?",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{args: {x: y}}]}}}\n",
            "key 'name' is missing at x.yaml:2:35; write {name: os.system, args: …}",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: x}]}}}\n",
            "key 'args' is missing at x.yaml:2:35; write the name alone",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: x, args: {}}]}}}\n",
            "no argument is named at x.yaml:2:51; write the name of the function alone",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: x, args: [y]}]}}}\n",
            "a mapping is needed at x.yaml:2:51; write a parameter or position with what it must be",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: x, args: {'10': y}}]}}}\n",
            "'10' names no argument at x.yaml:2:52; write a parameter, or a position from 0 to 9",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: 'm:f', args: {0: y}}]}}}\n",
            "'0': arguments of Python functions go by name at x.yaml:2:56; write the parameter",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: x, args: {y: [z]}}]}}}\n",
            "text is needed here, not a list or mapping at x.yaml:2:55",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [{name: x, args: {y: }}]}}}\n",
            "the value is empty at x.yaml:2:55",
        ),
        (
            "version: 1\npackages: {a: {functions: {deny: [[x]]}}}\n",
            "text is needed here, not a list or mapping at x.yaml:2:35",
        ),
        (
            "version: 1\npackages: {a: {modules: {deny: [{name: x, args: {y: z}}]}}}\n",
            "text is needed here, not a list or mapping at x.yaml:2:33",
        ),
        (
            "version: 1\npackages: {a: {modules: {deny: ['a:b']}}}\n",
            "'a:b': this is no dotted name at x.yaml:2:33",
        ),
        ("version: 1\npackages: {a: }\n", "a mapping is needed at x.yaml:2:15; write keys allow, functions, modules"),
        ("version: 1\npackages: {a: {}}\n", "the entry has no rules at x.yaml:2:15; write allow: None"),
        ("version: 1\npackages: {a/b: {allow: F}}\n", "'a/b' names no package at x.yaml:2:12;"),
        ("version: 1\npackages: [a]\n", "a mapping is needed at x.yaml:2:11; write packages: with an entry"),
        ("version: 1\n", "the policy has no packages at x.yaml:1:1;"),
        ("", "the file is empty at x.yaml:1:1; write version: 1"),
        ("- a\n", "a mapping is needed at x.yaml:1:1; write keys version, extends, packages"),
        ("version: 1\npackages: {a: {allow: [F\n", "the file is not YAML:"),
        ("version: 1\n\tpackages: {}\n", "the file is not YAML:"),
        (
            "version: 1\nmodules: {}\n",
            "'modules': other category tables than builtin:categories are not read at x.yaml:2:10",
        ),
        ("version: 1\n? [a]\n: b\n", "a key is text at x.yaml:2:3"),
        ("version: 1\npackages: {a: {allow: F, reason: ''}}\n", "the value is empty at x.yaml:2:34"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_remedy(tmp_path, text, message):
    assert refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: &x [1]\nb: *x\n", "YAML aliases are not used in policies at x.yaml:2:4"),
        (
            "a: !!python/object/apply:os.system [id]\n",
            "YAML tag 'tag:yaml.org,2002:python/object/apply:os.system' is not",
        ),
        ("version: 1\n---\nversion: 1\n", "a policy file has one document at x.yaml:2:1"),
        (b"version: 1\nx: '\xff'\n", "the file is not UTF-8 at x.yaml:2:5"),
        ("version: 1\nx: '\x00'\n", "the file has a character that YAML does not allow at x.yaml:2:5"),
        ("[" * 100, "the policy is too large or too deep at x.yaml:1:18"),
        ("[" * 500_000, "the policy is too large or too deep"),
        ("{a: " * 100_000, "the policy is too large or too deep"),
        ("a: [" + "b, " * 60_000 + "]", "the policy is too large or too deep"),
        ("#" * 1_100_000, "policy x.yaml is larger than 1048576 bytes"),
        ("version: 1\n\x1b[31mevil: 2\n", "the file has a character that YAML does not allow at x.yaml:2:1"),
        ('version: 1\n"\\e[31m\\u202eevil": 2\n', "unknown key '\\x1b[31m\\u202eevil' at x.yaml:2:1"),
        ("version: 1\n" + "k" * 900 + ": 2\n", f"unknown key '{'k' * 60}…' at x.yaml:2:1"),
        ('version: 1\npackages: {a: {allow: F, reason: "a\\u202eb"}}\n', "a reason is printable text"),
        (
            'version: 1\npackages: {a: {files: {read: ["/a\\0b"]}}}\n',
            "'/a\\x00b' has characters that cannot be printed",
        ),
    ],
)
def test_a_hostile_file_is_refused(tmp_path, text, message):
    assert refusal(tmp_path, text).startswith(message)


@given(st.text(alphabet=st.sampled_from("version: 1\npackages{}[]*&!-?|>'\"#,%@`\\~abF\t\x00é\U0001f600"), max_size=80))
def test_any_text_is_a_policy_or_one_refusal(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")

    assert refusal_of(path).isprintable()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_one_refusal(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)

    assert refusal_of(path).isprintable()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(PolicyError, match=r"cannot be read: No such file or directory; check the path"):
        load_policy(tmp_path / "none.yaml")


def test_a_folder_is_no_policy(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read: Is a directory"):
        load_policy(tmp_path)


def test_a_name_with_a_null_is_no_policy():
    with pytest.raises(PolicyError, match="not a file name"):
        load_policy("a\0b")


def test_a_byte_order_mark_is_taken(tmp_path):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\npackages: {a: {allow: F}}\n")

    assert load_policy(path).packages[0].allow.shorthand == "F"


def test_an_unknown_builtin_policy_gets_the_nearest_name():
    with pytest.raises(PolicyError, match=r"no policy 'builtin:nunpy' comes with PyXhon; did you mean 'numpy'\?"):
        load_policy("builtin:nunpy")


@pytest.mark.parametrize("name", ["../policies/numpy", "numpy.yaml", "", "/etc/passwd"])
def test_a_builtin_name_is_no_path(name):
    with pytest.raises(PolicyError, match="no policy"):
        load_policy(f"builtin:{name}")


def test_the_categories_are_a_policy_without_rules():
    assert load_policy("builtin:categories").packages == ()
    assert load_policy("builtin:categories").tables is load_categories()


def test_an_extended_file_is_found_beside_the_extending_one(tmp_path):
    (tmp_path / "base").mkdir()
    write_policy(tmp_path / "base", "  a: {allow: F}", name="one.yaml")
    write_policy(tmp_path / "base", "  b: {allow: N}", name="two.yaml", head="version: 1\nextends: [one.yaml]")
    path = write_policy(tmp_path, "  c: {allow: O}", head="version: 1\nextends: [base/two.yaml, builtin:numpy]")

    policy = load_policy(path)

    assert {entry.key.text for entry in policy.packages} == {"a", "b", "c", "numpy"}
    assert [name.removeprefix(f"{tmp_path}/") for name in policy.files] == [
        "base/one.yaml",
        "base/two.yaml",
        "policies/numpy.yaml",
        "p.yaml",
    ]


def test_a_circle_of_files_is_refused(tmp_path):
    write_policy(tmp_path, "  a: {allow: F}", name="one.yaml", head="version: 1\nextends: [two.yaml]")
    path = write_policy(tmp_path, "  b: {allow: N}", name="two.yaml", head="version: 1\nextends: [./one.yaml]")

    with pytest.raises(PolicyError, match=r"'two.yaml' is extended in a circle at .*one.yaml:2:11"):
        load_policy(path)


def test_a_file_extended_on_two_ways_counts_once(tmp_path):
    write_policy(tmp_path, "  a: {functions: {deny: [os.system]}}", name="base.yaml")
    for name in ("left", "right"):
        write_policy(tmp_path, f"  {name}: {{allow: F}}", name=f"{name}.yaml", head="version: 1\nextends: [base.yaml]")
    path = write_policy(tmp_path, "  b: {allow: N}", head="version: 1\nextends: [left.yaml, right.yaml]")

    (found,) = [entry for entry in load_policy(path).packages if entry.key.text == "a"]

    assert len(found.functions) == 1


def test_endless_extending_is_refused(tmp_path):
    for number in range(80):
        head = f"version: 1\nextends: [{number + 1}.yaml]"
        write_policy(tmp_path, f"  a{number}: {{allow: F}}", name=f"{number}.yaml", head=head)
    write_policy(tmp_path, "  z: {allow: F}", name="80.yaml")

    with pytest.raises(PolicyError, match="more than 64 policy files"):
        load_policy(tmp_path / "0.yaml")


def test_what_an_extending_file_allows_replaces_and_what_either_denies_stays(tmp_path):
    write_policy(
        tmp_path,
        "  a:\n    allow: F\n    functions: {deny: [os.system], allow: [os.fork]}\n"
        "    files: {read: [/base], write: [/base]}\n    reason: base",
        name="base.yaml",
    )
    path = write_policy(
        tmp_path,
        "  a:\n    allow: N\n    functions: {deny: [os.kill], allow: [os.exec]}\n    files: {read: [/own]}",
        head="version: 1\nextends: [base.yaml]",
    )

    (found,) = load_policy(path).packages

    assert found.allow.shorthand == "N"
    assert {(rule.pattern.text, rule.is_allowed) for rule in found.functions} == {
        ("os.system", False),
        ("os.kill", False),
        ("os.exec", True),
    }
    assert [pattern.text for _, pattern in found.lists["files.read"].patterns] == ["/own"]
    assert [pattern.text for _, pattern in found.lists["files.write"].patterns] == ["/base"]
    assert found.reason == "base"


def test_the_later_of_several_policies_goes_over_the_earlier(tmp_path):
    first = write_policy(tmp_path, "  a: {allow: F}", name="1.yaml")
    second = write_policy(tmp_path, "  a: {allow: N}\n  b: {allow: O}", name="2.yaml")

    policy = load_policies([first, second])

    assert {entry.key.text: entry.allow.shorthand for entry in policy.packages} == {"a": "N", "b": "O"}


def test_entries_are_sorted_by_how_specific_they_are(tmp_path):
    path = write_policy(
        tmp_path,
        '  "*": {allow: F}\n  "flask-*": {allow: F}\n  "flask-log*": {allow: F}\n  flask-login: {allow: F}',
    )

    assert [entry.key.text for entry in load_policy(path).packages] == ["flask-login", "flask-log*", "flask-*", "*"]


def test_the_pure_python_parser_reads_the_same(tmp_path, monkeypatch):
    path = write_policy(tmp_path, "  numpy:\n    allow: D-O-B\n    files: {read: [/proc/cpuinfo]}")
    quick = load_policy(path)

    monkeypatch.setattr(parse, "_Loader", parse.yaml.SafeLoader)

    assert load_policy(path) == quick


def test_categories_are_no_listed_policy():
    assert "categories" not in list_builtin_policies()
