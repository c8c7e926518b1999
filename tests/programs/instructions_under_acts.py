"""Raises audit events out of all kinds of instructions, and tells what dis says of each frame of their stacks."""

import dis
import json
import sys
import types

told = []
instructions = {}  # the code object with its instructions: it must stay


def instruction_at(code, offset):
    if id(code) not in instructions:
        instructions[id(code)] = (
            code,
            [i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "EXTENDED_ARG")],
        )
    found = None
    for each in instructions[id(code)][1]:
        if each.offset <= offset:
            found = each
    return found


def here(token):
    """The frames above stand still from here on; of this one only the instruction's kind is known."""
    frames, frame = [], sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        found = instruction_at(code, frame.f_lasti)
        columns = None
        if hasattr(code, "co_positions"):
            columns = list(list(code.co_positions())[found.offset // 2])
        words = [found.argrepr, str(found.argval), "to %s" % (found.argval,), str(found.arg)]
        frames.append(
            [
                code.co_filename,
                code.co_name,
                frame.f_lasti,
                found.offset,
                found.opname,
                found.arg is not None,
                words,
                frame.f_lineno,
                columns,
            ]
        )
        frame = frame.f_back
    told.append([token, frames])
    sys.audit("code.here", token)


count = 0


def act(*ignored):
    global count
    count += 1
    here("%d" % count)


class Thing:
    def __init__(self):
        self.plain = 1

    def __add__(self, other):
        act()
        return self

    def __lt__(self, other):
        act()
        return True

    def __getitem__(self, key):
        act()
        return 1

    def __setitem__(self, key, value):
        act()

    def __contains__(self, key):
        act()
        return True

    def __enter__(self):
        act()
        return self

    def __exit__(self, *error):
        act()

    def __iter__(self):
        act()
        return self

    def __next__(self):
        act()
        if count % 3 == 0:
            raise StopIteration
        return count

    def __bool__(self):
        act()
        return True

    def __call__(self, *arguments, **keywords):
        act()

    def __format__(self, how):
        act()
        return ""

    @property
    def attribute(self):
        act()
        return 1

    @attribute.setter
    def attribute(self, value):
        act()

    def method(self, *arguments, key=None):
        act()


def all_kinds(thing):
    thing + thing
    thing < thing
    thing[1]
    thing[1] = 2
    thing["a":"b"]
    1 in thing
    with thing:
        act()
    for _ in thing:
        pass
    if thing:
        act(1)
    thing(1, 2, key=3)
    "%s{}".format(thing)
    f"{thing}"
    thing.attribute
    thing.attribute = 3
    thing.method(1, key=2)
    thing.method(*[1], **{"key": 2})
    [act() for _ in range(2)]
    list(act() for _ in range(2))
    (lambda: act())()
    sorted([2, 1], key=act_key)
    thing += thing
    a, b = thing_pair()
    return a


def act_key(value):
    act()
    return value


def thing_pair():
    act()
    return 1, 2


def generator():
    act()
    received = yield 1
    act()
    try:
        yield received
    finally:
        act()


def generators():
    one = generator()
    next(one)
    one.send(2)
    one.close()

    def outer():
        yield from generator()

    list(outer())


async def coroutine():
    act()
    async with Asynchronous():
        act()
    return 1


class Asynchronous:
    async def __aenter__(self):
        act()

    async def __aexit__(self, *error):
        act()


def coroutines():
    one = coroutine()
    try:
        one.send(None)
    except StopIteration:
        pass


def exceptions():
    try:
        raise ValueError
    except ValueError:
        act()
    finally:
        act()


def closures():
    cell = 1

    def inner():
        act(cell)
        return cell

    return inner()


def many_names():
    """So many names and constants that instructions need EXTENDED_ARG."""
    lines = ["def wide(act):"]
    lines += ["    name_%d = %d.5" % (i, i) for i in range(300)]
    lines += ["    if name_1:"] + ["        name_%d = 'text %d'" % (i, i) for i in range(300)]
    lines += ["    act(name_299, 299.25)", "    for _ in range(2):", "        act(_)"]
    lines += ["        name_%d = name_%d" % (i, i + 1) for i in range(200)]
    return "\n".join(lines)


SOURCE = """
def traced(act, thing):
    act(1)
    total = 0
    for number in range(3):
        total += number
        act(total)
    thing.method(total)
    return total
"""


def fresh(name):
    """A function whose code object nobody has met."""
    namespace = {}
    exec(compile(SOURCE, "<%s>" % name, "exec"), namespace)
    return namespace["traced"]


def under_tools(thing):
    traced = fresh("settrace")
    sys.settrace(lambda frame, event, argument: lambda *more: None)
    try:
        traced(act, thing)
    finally:
        sys.settrace(None)
    traced = fresh("setprofile")
    sys.setprofile(lambda *more: None)
    try:
        traced(act, thing)
    finally:
        sys.setprofile(None)
    if not hasattr(sys, "monitoring"):
        return
    monitoring = sys.monitoring
    monitoring.use_tool_id(3, "test")
    traced = fresh("monitoring")
    for event in (monitoring.events.INSTRUCTION, monitoring.events.LINE):
        monitoring.register_callback(3, event, lambda *more: None)
    monitoring.set_local_events(3, traced.__code__, monitoring.events.INSTRUCTION | monitoring.events.LINE)
    traced(act, thing)
    monitoring.set_local_events(3, traced.__code__, 0)
    monitoring.free_tool_id(3)


def hot(thing):
    for _ in range(40):
        thing.method(1)
        act_key(1)


def main():
    thing = Thing()
    for _ in range(3):
        all_kinds(thing)
        generators()
        coroutines()
        exceptions()
        closures()
    hot(thing)
    all_kinds(thing)
    namespace = {}
    exec(many_names(), namespace)
    namespace["wide"](act)
    under_tools(thing)
    if hasattr(sys, "setrecursionlimit"):
        exec("import sys\nact()\nexec('act()\\nexec(\"act()\")')")
    code = compile("act()", "<made>", "exec")
    types.FunctionType(code, globals())()
    with open(sys.argv[1], "w") as file:
        json.dump(told, file)
    print("done", flush=True)
    sys.stdin.readline()


print("ready", flush=True)
sys.stdin.readline()
main()
