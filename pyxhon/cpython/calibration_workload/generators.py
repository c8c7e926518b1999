"""Third part: functions that pause: generators, coroutines, asynchronous generators."""


def count(limit):
    say("count")
    for number in range(limit):
        yield number
        say("count+")


def delegate(limit):
    say("delegate")
    yield from delegated(limit)
    yield from [limit]
    say("delegate+")
    return limit


def delegated(limit):
    say("delegated")
    for number in range(limit):
        try:
            yield number
            say("delegate+")
            say("delegated+")
        except ValueError:
            say("delegated!")


def patient():
    say("patient")
    told = None
    while told != "enough":
        try:
            told = yield told
            say("patient+")
        except ValueError:
            say("patient!")
        except GeneratorExit:
            say("patient!")
            raise


def climbing(depth):
    # Every level that waits goes on before the innermost one does, which speaks for them all.
    say("climbing")
    if depth:
        yield from climbing(depth - 1)
    else:
        yield depth
        for _ in range(4):
            say("climbing+")


class Items:
    def __iter__(self):
        say("Items.__iter__")
        yield 1
        say("Items.__iter__+")
        yield 2
        say("Items.__iter__+")


def generators():
    say("generators")
    for number in count(ROUNDS):
        leaf(number)
    list(delegate(3))
    list(climbing(3))
    list(Items())
    first, second = Items()
    sum(number for number in map(say, ("generators.<genexpr>",)) if number)
    list(zip(count(2), delegate(2)))
    say("delegated!")  # zip asks the second one for no more, and drops it: both are closed
    say("delegate!")
    return first + second


def throwing():
    say("throwing")
    one = patient()
    next(one)
    one.send(1)
    one.throw(ValueError())
    next(one)
    one.close()
    one = patient()
    next(one)
    try:
        one.send("enough")
    except StopIteration:
        leaf(6)
    one = delegate(2)
    next(one)
    one.throw(ValueError())
    list(one)
    one = count(3)
    next(one)
    say("count!")
    one.close()
    next(count(3))
    say("count!")
    count(3).close()
    say("count?")
    count(3)
    say("count?")  # dropped, which closes it


class Pause:
    """Waits once; says who waits for it when all go on."""

    def __init__(self, *waiting):
        say("Pause.__init__")
        self.waiting = waiting

    def __await__(self):
        say("Pause.__await__")
        yield
        for name in self.waiting:
            say(name)
        say("Pause.__await__+")
        return 1


async def task(depth):
    say("task")
    if depth:
        await task(depth - 1)
    else:
        await Pause("task+", "task+", "task+")
    await nothing()


async def nothing():
    say("nothing")


async def ticks(limit, *waiting):
    if limit == 2:
        say("collect.<listcomp>")
    say("ticks")
    for number in range(limit):
        await Pause(*waiting, "ticks+")
        yield number
        say("ticks+")


class Managed:
    async def __aenter__(self):
        say("Managed.__aenter__")
        await Pause("manage+", "Managed.__aenter__+")

    async def __aexit__(self, *error):
        say("Managed.__aexit__")
        return True


async def manage():
    say("manage")
    async with Managed():
        raise ValueError


async def consume():
    say("consume")
    async for number in ticks(3, "consume+"):
        leaf(number)
    stopped = ticks(4, "consume+")
    async for number in stopped:
        break
    say("ticks!")
    await stopped.aclose()


async def collect():
    say("collect")
    [number async for number in ticks(2, "collect+", "collect.<listcomp>+")]


def drive(coroutine):
    say("drive")
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def coroutines():
    say("coroutines")
    drive(task(2))
    drive(manage())
    drive(consume())
    drive(collect())
    abandoned = nothing()
    abandoned.close()
    say("nothing?")
