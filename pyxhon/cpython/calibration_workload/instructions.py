"""Fourth part: code whose instructions are compared one by one with what the interpreter itself tells of them."""


class Attributes:
    kind = "class"

    def __init__(self, value):
        self.value = value

    def double(self):
        return self.value * 2

    def __add__(self, other):
        return self.value + other

    @property
    def half(self):
        return self.value // 2


class Slotted(Attributes):
    __slots__ = ("slot",)

    def __init__(self, value):
        super().__init__(value)
        self.slot = value

    def __add__(self, other):
        return Slotted(self.value + other)

    def __eq__(self, other):
        return self.value == other


class Guarded:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return kind is not None


def arithmetic(first, second):
    text = ""
    for number in range(12):
        first = first + second
        second = second * 2 - first
        text += "%d" % number
        if first < 0 or not second:
            first, second = second, first
        elif first == 3:
            continue
        first &= 0xFFFF
        second = -second | 1
    while first > 10:
        first >>= 1
    return f"{text}{first!r:>4}{second}"


def attributes(items):
    total = 0
    for item in items:
        total += item.value + item.double() + item.half
        item.value = item.value + 1
        total += len(item.kind)
        if item == 3:
            total += 1
        item + 1
    return total


def containers(count):
    made, pairs = [], {}
    for number in range(count):
        made.append(number)
        pairs[number] = [number, str(number)]
    made[1:3] = made[:1]
    made[0] += 1
    first, *rest = made
    del made[-1]
    (left, right), last = (first, rest[0]), {*made, *rest}
    named = {**{"first": 1}, "second": left}
    unpacked = (*made, *rest)
    return (
        [number for number in made if number in last],
        {key: len(value) for key, value in pairs.items()},
        named,
        unpacked,
        right,
    )


def handled(number):
    try:
        try:
            if number % 3 == 0:
                raise ValueError(number)
            elif number % 3 == 1:
                return [][number]
        except ValueError as error:
            return error.args[0]
        finally:
            number += 1
        with Guarded() as guard, Guarded():
            raise KeyError(guard)
    except (IndexError, TypeError):
        for _ in range(2):
            try:
                break
            finally:
                number += 2
    else:
        number += 3
    return number


def told(limit):
    received = 0
    for number in range(limit):
        try:
            received = (yield number) or received
        except ValueError:
            received += 1
    return received


def chained(limit):
    got = yield from told(limit)
    yield got
    yield from (number * 2 for number in range(limit))


def paused():
    one = chained(3)
    seen = [next(one), one.send(5), one.throw(ValueError())]
    for number in one:
        seen.append(number)
    other = told(2)
    next(other)
    other.close()
    return sum(number for number in told(4)), seen


class Waited:
    def __await__(self):
        yield 1
        return 2


async def waiting(depth):
    if depth:
        return await waiting(depth - 1) + 1
    return await Waited()


async def ticking():
    for number in range(2):
        await Waited()
        yield number


async def gathering():
    found = [number async for number in ticking()]
    async for number in ticking():
        found.append(number)
    return found


def driven(coroutine):
    count = 0
    try:
        while True:
            coroutine.send(None)
            count += 1
    except StopIteration as stop:
        return stop.value, count


def keywords(first, *rest, second=2, **named):
    def inside(more):
        nonlocal first
        first += more
        return first + second

    return inside(len(rest)) + inside(second) + sum(named.values())


def importing():
    import itertools as tools
    from itertools import chain, count

    assert tools.chain is chain, "imported"
    global imported
    imported = count
    del imported
    return tools


def sorted_by(items):
    return sorted(items, key=lambda item: -item), max(items, key=abs), list(map(str, items))


EXTENDED = {}
exec(
    "def extended(value):\n for number in range(3):\n"
    + "".join("  value += V%d.real\n" % number for number in range(300))
    + "  if value < 0: break\n return value\n",
    {"V%d" % number: number for number in range(300)},
    EXTENDED,
)
extended = EXTENDED["extended"]


def instructed():
    for number in range(12):
        arithmetic(number, 3)
        attributes([Attributes(number), Attributes(2)])
        containers(4)
        handled(number)
        keywords(1, *(2, 3), second=number, **{"third": 3})
        keywords(number)
    attributes([Slotted(1), Attributes(1.5), Slotted(2)] * 3)
    paused()
    paused()
    driven(waiting(2))
    driven(gathering())
    importing()
    sorted_by([3, 1, -5])
    extended(1)


NOT_TAKEN = {(3, 14): 28, (3, 15): 26}.get(VERSION)  # which is passed over unless it is being told
EXTENDED_ARG = {(3, 13): 71, (3, 14): 69, (3, 15): 67}.get(VERSION, 144)
EXECUTED = []
LAST = [0]


def see_instruction(code, offset):
    text = code.co_code
    if text[offset] == NOT_TAKEN:
        return
    while text[offset] == EXTENDED_ARG:  # up to 3.11 what it extends has no event of its own
        if VERSION >= (3, 12):
            return
        offset += 2
    if id(code) != LAST[0]:
        LAST[0] = id(code)
        EXECUTED.append("%d:%d" % (id(code), offset))
    else:
        EXECUTED.append(",%d" % offset)


def trace_instructions(frame, event, value):
    if event == "call":
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
    elif event == "opcode":
        see_instruction(frame.f_code, frame.f_lasti)
    return trace_instructions


def see_instructions():
    del EXECUTED[:]
    LAST[0] = 0
    if VERSION >= (3, 12):
        tool, event = sys.monitoring.DEBUGGER_ID, sys.monitoring.events.INSTRUCTION
        sys.monitoring.use_tool_id(tool, "calibration")
        sys.monitoring.register_callback(tool, event, see_instruction)
        sys.monitoring.set_events(tool, event)
        instructed()
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)
    else:
        sys.settrace(trace_instructions)
        instructed()
        sys.settrace(None)
    return "".join(" " + word if ":" in word else word for word in EXECUTED)
