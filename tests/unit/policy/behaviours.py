"""Behaviours and policies for tests, each made by one line."""

from pyxhon.categories import CategoryTables
from pyxhon.join import Behaviour, Owner
from pyxhon.policy.judge import Judged, judge
from pyxhon.policy.parse import load_categories, load_policy

TABLES: CategoryTables = load_categories()


def act(
    name,
    /,
    *,
    owner="numpy",
    origin="distribution",
    kind="audit",
    category=...,
    level="python",
    module=None,
    is_truncated=False,
    process=1,
    identity=None,
    calls=(),
    **arguments,
):
    """A behaviour; `name` an audit event, or with kind="import" the module."""
    if kind == "import":
        module = module or name
        name = f"import {module}"
    if category is ...:
        category = TABLES.category_of_module(module) if kind == "import" else TABLES.category_of_event(name, arguments)
    return Behaviour(
        id=identity or f"{owner} {name} {arguments}",
        owner=Owner(owner, None, origin),
        category=category,
        level=level,
        kind=kind,
        name=name,
        arguments=arguments,
        is_truncated=is_truncated,
        result=None,
        count=1,
        failed=0,
        first_ns=0,
        last_ns=0,
        process=process,
        pid=1,
        tid=1,
        location=None,
        python_stack=(),
        signals=(),
        module=module,
        is_transitive=False,
        event=1,
        chain=(),
        calls=calls,
    )


def called(name, /, *, kind="syscall", level="native", **more):
    """A system call that no audit event explains."""
    return act(name, kind=kind, category=TABLES.category_of_system_call(kind, name), level=level, **more)


def opened(path, mode="r", **more):
    return act("open", path=path, mode=mode, flags=0, **more)


def write_policy(folder, packages, *, name="p.yaml", head="version: 1"):
    """Write a policy file with these packages (YAML text, indented by two) and give its path."""
    path = folder / name
    path.write_text(f"{head}\npackages:\n{packages}\n", encoding="utf-8")
    return path


def judge_one(folder, packages, behaviour, directories=None) -> Judged:
    return judge([behaviour], load_policy(write_policy(folder, packages)), directories)[0]


def verdict(folder, packages, behaviour, directories=None):
    return judge_one(folder, packages, behaviour, directories).verdict
