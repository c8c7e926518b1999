"""Executes the same instructions in each run, in three threads; told to, it has the interpreter tell of each of them.

It waits for a line. Arguments: a file for what is told, "oracle" or "plain", and "short" for less of it, in
one thread. The file gets {thread: [native id, [[function, offset, opcode]]]}.
"""

import json
import opcode
import sys
import threading

TOLD, IS_ORACLE = sys.argv[1], sys.argv[2] == "oracle"
IS_SHORT = "short" in sys.argv
OWN = {"on_event", "see", "told", "main", "run", "<module>"}
EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]
seen = {}


class Point:
    count = 0

    def __init__(self, left, right):
        self.left, self.right = left, right

    def __add__(self, other):
        return Point(self.left + other.left, self.right + other.right)

    def __lt__(self, other):
        return self.left < other.left

    @property
    def sum(self):
        return self.left + self.right


class Other:
    __slots__ = ("left", "right", "sum")

    def __init__(self, left):
        self.sum = self.left = self.right = left

    def __lt__(self, other):
        return False

    def __getitem__(self, index):
        return index + self.left


def loops(limit):
    text, made, total = "", [], 0.5
    for number in range(limit):
        if number % 2:
            text += str(number)
            continue
        made.append(number)
        total += number if number > 3 else -number
        while len(made) > 4:
            made.pop()
            if total == 7:
                break
        else:
            total *= 1.5
    return text, made, int(total) & 0xFF


def attributes(points):
    best = points[0]
    for point in points:
        if best < point:
            best = point
        point.left += point.sum
        best.right = point.left
        Point.count += 1
    return [point[1] for point in points if isinstance(point, Other)], best.left


def exceptions(depth):
    try:
        if depth % 3 == 0:
            raise KeyError(depth)
        if depth % 3 == 1:
            return exceptions(depth - 1)
        return {}[depth]
    except KeyError as error:
        try:
            return int("x%s" % error)
        except ValueError:
            depth += 1
    finally:
        for _ in range(2):
            depth += 1
    return depth


def generate(limit):
    got = 0
    try:
        for number in range(limit):
            got = (yield number + (got or 0)) or got
    except ValueError:
        yield -1
    finally:
        got = None


def delegate(limit):
    result = yield from generate(limit)
    yield from (number for number in (1, 2) if number)
    return result


def generators():
    one = delegate(4)
    found = [next(one), one.send(3), one.throw(ValueError())]
    found += list(one)
    two = generate(2)
    next(two)
    two.close()
    return found, sum(generate(5)), {number: text for number, text in enumerate("abc")}


class Pause:
    def __await__(self):
        yield
        return 3

    async def __aenter__(self):
        return await self

    async def __aexit__(self, *error):
        return await Pause()


async def ticks(limit):
    for number in range(limit):
        yield await Pause() + number


async def waiting():
    async with Pause() as three:
        found = [number async for number in ticks(three)]
    async for number in ticks(2):
        found.append(number)
    return found


def drive(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def calls(first, *rest, second=2, **named):
    def inner(number=1, *more, key=0):
        nonlocal first
        first += number + key + len(more)
        return first

    return inner() + inner(2, *rest) + inner(3, key=second) + max(map(abs, (first, *named.values())))


def fibonacci(number):
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def imports():
    import os.path as path
    from json import dumps, loads

    return loads(dumps([path.sep, path.join("a", "b")]))


exec("def wide(value):\n" + "".join("    value += %d.5\n" % number for number in range(400)) + "    return value\n")


def work():
    for number in range(3 if IS_SHORT else 10):
        loops(number + 8)
        attributes([Point(number, 1), Point(2, 3)])
        exceptions(number)
        calls(number, 4, second=number, third=3)
    attributes([Point(1, 2), Other(3), Point(4, 5), Other(6)] * 3)
    generators()
    generators()
    drive(waiting())
    sorted([Point(3, 1), Point(1, 2), Point(2, 2)])
    Point(1, 2) + Point(2, 3)
    fibonacci(7)
    imports()
    return IS_SHORT or wide(1)


def see(code, offset):
    if code.co_filename in (__file__, "<string>") and code.co_name not in OWN:
        text = code.co_code
        while text[offset] == EXTENDED_ARG:  # up to 3.11 what it extends has no event of its own
            if sys.version_info >= (3, 12):
                return
            offset += 2
        function = "%s:%d" % (code.co_name, code.co_firstlineno)
        seen.setdefault(threading.get_ident(), []).append((function, offset, opcode.opname[text[offset]]))


def on_event(frame, event, value):
    frame.f_trace_opcodes, frame.f_trace_lines = True, False
    if event == "opcode":
        see(frame.f_code, frame.f_lasti)
    return on_event


def run(index, told):
    if IS_ORACLE and sys.version_info < (3, 12):
        sys.settrace(on_event)
    work()
    if IS_ORACLE and sys.version_info < (3, 12):
        sys.settrace(None)
    told[index] = [threading.get_native_id(), seen.pop(threading.get_ident(), [])]  # others may get its number


def main():
    told = {}
    print("ready", flush=True)
    sys.stdin.readline()
    if IS_ORACLE and sys.version_info >= (3, 12):
        tool, event = sys.monitoring.DEBUGGER_ID, sys.monitoring.events.INSTRUCTION
        sys.monitoring.use_tool_id(tool, "oracle")
        sys.monitoring.register_callback(tool, event, see)
        sys.monitoring.set_events(tool, event)
    threads = [threading.Thread(target=run, args=(index, told)) for index in range(1 if IS_SHORT else 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if IS_ORACLE and sys.version_info >= (3, 12):
        sys.monitoring.set_events(tool, 0)
    with open(TOLD, "w") as file:
        json.dump(told, file)


main()
