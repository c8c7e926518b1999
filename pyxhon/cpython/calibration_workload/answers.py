"""Last part: all of it in a row, and the answers to what is asked.

Each line that the program is told has one line for an answer: "names" gives the address of each code object, "plain"
runs the workload and says what it did, "traced" does so with tracing switched on, "oracle" says what the interpreter
tells of the same run: "ADDRESS:0" for a start, 1 for a resumption, 2 for what is thrown.
"""


def workload():
    say("workload")
    for _ in range(2):
        leaf(0)
        fibonacci(5)
        nesting(1)
        decorated_by(leaf)(1)
        catching()
        comprehensions()
        compiled()
        making_a_class()
        using_an_object()
        dying()
        calling_back()
        generators()
        throwing()
        coroutines()
    deep(150)
    warm(ROUNDS)
    warm_objects(ROUNDS)


MADE = (("SOURCE", SOURCE), ("EXPRESSION", EXPRESSION), ("extended", extended.__code__))


def name_codes(code, path, names):
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            inner = (path + "." if path else "") + constant.co_name
            names.append("%s=%d" % (inner, id(constant)))
            name_codes(constant, inner, names)


NAMES = ["%s=%d" % (name, id(code)) for name, code in MADE]
name_codes(sys._getframe().f_code, "", NAMES)
NAMES = " ".join(NAMES)
SEEN = []

if VERSION >= (3, 12):
    MONITORING = sys.monitoring
    STARTS, RESUMPTIONS = MONITORING.events.PY_START, MONITORING.events.PY_RESUME
    EXITS = (MONITORING.events.PY_RETURN, MONITORING.events.PY_YIELD, MONITORING.events.PY_UNWIND)
    MONITORING.use_tool_id(MONITORING.PROFILER_ID, "calibration")

    def see_start(code, offset):
        SEEN.append("%d:0" % id(code))

    def see_resumption(code, offset):
        SEEN.append("%d:1" % id(code))

elif VERSION == (3, 11):

    def see_call(frame, event, value):
        if event == "call":
            code = frame.f_code.co_code
            resume, where = code[frame.f_lasti : frame.f_lasti + 2]
            kind = 2 if resume != 151 else 1 if where & 3 else 0
            SEEN.append("%d:%d" % (id(frame.f_code), kind))

    PROFILE = see_call

else:

    def see_older_call(frame, event, value):
        if event == "call":
            SEEN.append("%d:%d" % (id(frame.f_code), frame.f_lasti >= 0))

    PROFILE = see_older_call


while True:
    asked = posix.read(0, 16)
    if not asked:
        break
    answer = ""
    if asked == b"names\n":
        answer = NAMES
    elif asked == b"instructions\n":
        instructed()
        answer = "done"
    elif asked == b"see them\n":
        answer = see_instructions()
    elif asked == b"plain\n":
        SAID.clear()
        workload()
        answer = " ".join(SAID)
    elif asked in (b"traced\n", b"oracle\n"):
        SAID.clear()
        SEEN.clear()
        is_oracle = asked == b"oracle\n"
        # slice is C code that takes what a callback is given, whatever that is
        if VERSION >= (3, 12):
            MONITORING.register_callback(MONITORING.PROFILER_ID, STARTS, see_start if is_oracle else slice)
            MONITORING.register_callback(MONITORING.PROFILER_ID, RESUMPTIONS, see_resumption if is_oracle else slice)
            for event in EXITS:
                MONITORING.register_callback(MONITORING.PROFILER_ID, event, None if is_oracle else slice)
            MONITORING.set_events(MONITORING.PROFILER_ID, STARTS | RESUMPTIONS | (0 if is_oracle else sum(EXITS)))
            workload()
            MONITORING.set_events(MONITORING.PROFILER_ID, 0)
        else:
            sys.setprofile(PROFILE if is_oracle else slice)
            workload()
            sys.setprofile(None)
        answer = " ".join(SEEN if is_oracle else SAID)
    posix.write(1, answer.encode() + b"\n")
