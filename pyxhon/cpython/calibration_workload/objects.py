"""Second part: functions that the interpreter itself calls for objects, and C code that calls back."""


class Meta(type):
    def __call__(cls, *values):
        say("Meta.__call__")
        return super().__call__(*values)


class Base:
    def __init_subclass__(cls, **named):
        say("Base.__init_subclass__")
        super().__init_subclass__(**named)

    def __new__(cls, *values):
        say("Base.__new__")
        return super().__new__(cls)

    def __init__(self, number):
        say("Base.__init__")
        self.number = number


class Described:
    def __set_name__(self, owner, name):
        say("Described.__set_name__")

    def __get__(self, instance, owner=None):
        say("Described.__get__")
        return 7

    def __set__(self, instance, value):
        say("Described.__set__")


def making_a_class():
    say("making_a_class")

    class Made(Base, metaclass=Meta):
        say("making_a_class.Made")
        described = Described()

        def method(self):
            say("making_a_class.Made.method")
            return self.number

    made = Made(leaf(4))
    made.described = made.described
    return made.method()


class Number(Base):
    def __init__(self, number):
        say("Number.__init__")
        super().__init__(number)

    def method(self, other):
        say("Number.method")
        return self.number + other

    @property
    def value(self):
        say("Number.value")
        return self.number

    @classmethod
    def of_class(cls, number):
        say("Number.of_class")
        return cls(number)

    @staticmethod
    def of_none(number):
        say("Number.of_none")
        return leaf(number)

    def __call__(self, number):
        say("Number.__call__")
        return number

    def __lt__(self, other):
        say("Number.__lt__")
        return self.number < other.number

    def __eq__(self, other):
        say("Number.__eq__")
        return self.number == other.number

    def __hash__(self):
        say("Number.__hash__")
        return self.number

    def __bool__(self):
        say("Number.__bool__")
        return True

    def __len__(self):
        say("Number.__len__")
        return 3

    def __getitem__(self, index):
        say("Number.__getitem__")
        return index

    def __contains__(self, item):
        say("Number.__contains__")
        return True

    def __add__(self, other):
        say("Number.__add__")
        return other

    def __index__(self):
        say("Number.__index__")
        return 2

    def __format__(self, how):
        say("Number.__format__")
        return how

    def __getattr__(self, name):
        say("Number.__getattr__")
        return name

    def __enter__(self):
        say("Number.__enter__")

    def __exit__(self, *error):
        say("Number.__exit__")
        return True


def using_an_object():
    say("using_an_object")
    number = Number.of_class(5)
    number.method(1) + number.value + Number.of_none(2) + number(3)
    number == number and number in number
    {number: number[0]}
    len(number) + (number + 1) + [1, 2, 3][number]
    f"{number:x}"
    number.missing
    with number:
        raise ValueError
    return "full" if number else "empty"


class Slots:
    __slots__ = ("first", "second")

    def __init__(self, first, second):
        say("Slots.__init__")
        self.first = first
        self.second = second


class Plain:
    def __init__(self, number):
        say("Plain.__init__")
        self.number = number

    def get(self):
        say("Plain.get")
        return self.number

    @property
    def value(self):
        say("Plain.value")
        return self.number

    def __getitem__(self, index):
        say("Plain.__getitem__")
        return index


class Fallback:
    def __getattribute__(self, name):
        say("Fallback.__getattribute__")
        return name


def warm_objects(times):
    say("warm_objects")
    plain = Plain(0)
    fallback = Fallback()
    for number in range(times):
        Slots(number, 1)
        plain.get() + plain.value + plain[number]
        fallback.anything


class Dying:
    def __init__(self):
        say("Dying.__init__")

    def __del__(self):
        say("Dying.__del__")
        leaf(5)


def dying():
    say("dying")
    Dying()
    [Dying(), Dying()].clear()
    _weakref.proxy(Dying(), lambda proxy: say("dying.<lambda>"))


# C code that calls Python.


class Missing(dict):
    def __missing__(self, key):
        say("Missing.__missing__")
        return leaf(key)


def calling_back():
    say("calling_back")
    list(map(leaf, range(3)))
    list(filter(lambda number: say("calling_back.<lambda>") or number, range(3)))
    sorted([3, 1, 2], key=by_size)
    sorted([Number(2), Number(1)])
    sorted([2, 1], key=_functools.cmp_to_key(comparing))
    max(range(3), key=leaf)
    _functools.reduce(comparing, range(4))
    _functools.partial(defaults, 1, third=2)(3)
    list(itertools.accumulate(range(3), comparing))
    list(iter(CountingDown().__next__, 0))
    list(CountingDown())
    Missing()[1]


def by_size(number):
    say("by_size")
    return -number


def comparing(first, second):
    say("comparing")
    return first - second


class CountingDown:
    def __init__(self):
        say("CountingDown.__init__")
        self.number = 3

    def __iter__(self):
        say("CountingDown.__iter__")
        return self

    def __next__(self):
        say("CountingDown.__next__")
        if not self.number:
            raise StopIteration
        self.number -= 1
        return self.number
