"""Functions of every kind: those called idle are never run, all others are, by run()."""

import dataclasses
import enum
import functools
import threading


def plain():
    return 1


def idle_plain():
    return 1


def with_defaults(
    a=lambda: 1,
    *args,
    key=lambda: 2,
    idle_key=(lambda: 3),
    **kwargs,
):
    return a() + key()


def annotated(a: int, b: "str" = "") -> float:
    return 1.5


def idle_annotated(a: int) -> float:
    return 1.5


def raises():
    raise ValueError


def loops(times):
    total = 0
    for number in range(times):
        while total < number:
            total += 1
    return total


def idle_loops():
    while True:
        pass


def recursive(depth):
    return recursive(depth - 1) if depth else 0


def outer(x):
    def inner():
        return x

    def idle_inner():
        def idle_innermost():
            return x

        return idle_innermost

    return inner, idle_inner


def makes_nothing():
    class Local:
        def idle_local(self):
            pass

        def local(self):
            return [number for number in (1, 2)]

    return Local().local()


def idle_outer():
    def idle_within():
        return lambda: 1

    class idle_Local:
        def idle_method(self):
            pass


def many_cells():
    a = b = c = d = e = f = g = h = i = j = k = l = m = n = o = p = q = r = s = t = 1

    def holds():
        return a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t

    return holds()


def idle_many_cells():
    a = b = c = d = e = f = g = h = i = j = k = l = m = n = o = p = q = r = s = t = 1
    return lambda: (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t)


def idle_with_a_generator():
    yield from (number for number in ())


def generator():
    yield 1
    yield 2


def started():
    yield 1
    yield 2


def idle_made():
    yield 1


def idle_closed():
    yield 1


def delegates():
    yield from generator()


async def coroutine():
    return await awaited()


async def awaited():
    return 1


async def idle_coroutine():
    return 1


async def asynchronous():
    yield 1


async def idle_asynchronous():
    yield 1


async def gathers():
    return [number async for number in asynchronous()]


def comprehensions(values):
    limit = 1
    return (
        [value for value in values if value > limit],
        {value for value in values},
        {value: limit for value in values},
        list(value for value in values if value > limit),
        (lambda: limit)(),
    )


def makes_idle_generators(values):
    limit = 1
    return (value for value in values if value > limit)


def lambdas_that_idle():
    return lambda: 1


def wraps(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


def hides(function):
    def hidden(*arguments):
        return function(*arguments)

    return hidden


def replaces(function):
    def idle_replaced():
        pass

    return lambda: function and 1


class Holder:
    def __init__(self, function):
        self.function = function

    def __call__(self):
        return self.function()


class Slotted:
    __slots__ = ("function",)

    def __init__(self, function):
        self.function = function


@wraps
@wraps
@hides
def decorated():
    return 1


@hides
def idle_decorated():
    return 1


@replaces
def idle_hidden():
    return 1


@Holder
def held():
    return 1


@Holder
def idle_held():
    return 1


@Slotted
def idle_slotted():
    return 1


@functools.lru_cache
def cached():
    return 1


@functools.lru_cache
def idle_cached():
    return 1


@functools.singledispatch
def dispatched(value):
    return 1


@dispatched.register(int)
def dispatched_int(value):
    return 1


@dispatched.register(str)
def idle_dispatched(value):
    return 1


partial = functools.partial(lambda first, second: first, 1)
table = {
    "a": lambda: 1,
    "b": [lambda: 2],
    "c": [{"d": lambda: 3}],
}


class Meta(type):
    def __call__(cls, *arguments):
        return super().__call__(*arguments)

    def idle_of_meta(cls):
        pass


class Kind(metaclass=Meta):
    def __init__(self):
        self.values = [1]

    def __init_subclass__(cls):
        super().__init_subclass__()

    def __del__(self):
        pass

    def method(self):
        return 1

    def idle_method(self):
        return 1

    @classmethod
    def of_class(cls):
        return 1

    @classmethod
    def idle_of_class(cls):
        return 1

    @staticmethod
    def static():
        return 1

    @staticmethod
    def idle_static():
        return 1

    @property
    def both(self):
        return 1

    @both.setter
    def both(self, value):
        pass

    @both.deleter
    def both(self):
        pass

    idle_both = property(
        lambda self: 1,
        lambda self, value: None,
    )

    @functools.cached_property
    def once(self):
        return 1

    @functools.cached_property
    def idle_once(self):
        return 1

    @functools.wraps(plain)
    def wrapped(self):
        return 1

    def idle_curried(self, idle_value):
        return 1

    idle_part = functools.partialmethod(idle_curried, 1)

    class Nested:
        def deep(self):
            return 1

        def idle_deep(self):
            return 1

    def __len__(self):
        return 1

    def __eq__(self, other):
        return True

    __hash__ = None


class Derived(Kind):
    def method(self):
        return super().method()


@dataclasses.dataclass
class Data:
    number: int = 1

    def idle_of_data(self):
        pass


class Colour(enum.Enum):
    RED = 1

    def shade(self):
        return 1

    def idle_shade(self):
        return 1


def base_of_nothing():
    class Hidden:
        def idle_of_base(self):
            pass

        def of_base(self):
            return 1

    class Shown(Hidden):
        pass

    return Shown


Shown = base_of_nothing()
bound = Kind.Nested().idle_deep
kept = []


def in_thread():
    return 1


def key_of(value):
    return -value


def idle_key_of(value):
    return -value


def ran_often():
    return 1


for number in range(20):
    exec("def counted_%d(): pass" % number)


def run_counted():
    for number in range(20):
        for _ in range(number):
            globals()["counted_%d" % number]()


def run_to_the_end(awaitable):
    try:
        awaitable.send(None)
    except StopIteration:
        pass


def run_methods():
    kind = Derived()
    kind.method(), kind.of_class(), kind.static(), kind.both, kind.once, kind.wrapped(), len(kind), kind == 1
    kind.both = 1
    del kind.both
    Kind.Nested().deep(), Data(), Colour.RED.shade(), Shown().of_base()
    bound.__self__.deep()


def run_generators():
    list(generator()), list(delegates())
    running = started()
    next(running)
    idle_closed().close()
    kept.extend([running, idle_made(), makes_idle_generators([1, 2]), lambdas_that_idle()])
    run_to_the_end(coroutine())
    run_to_the_end(gathers())
    idle_coroutine().close()
    kept.append(idle_asynchronous())


def run():
    plain(), with_defaults(), annotated(1), loops(3), recursive(5), makes_nothing(), many_cells()
    kept.append(outer(1))
    kept[0][0]()
    try:
        raises()
    except ValueError:
        pass
    comprehensions([1, 2])
    decorated(), held(), cached(), cached(), dispatched(None), dispatched(1), partial(2), table["a"]()
    run_counted()
    run_methods()
    run_generators()
    sorted([1, 2], key=key_of)
    for _ in range(100):
        ran_often()
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
