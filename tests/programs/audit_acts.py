"""Acts that raise audit events, in order."""

import asyncio
import builtins
import os
import sys
import threading

from audit_acts_inside import archives, attributes, codes, files, frames, objects, trees, values
from audit_acts_outside import clients, databases, descriptors, foreign_functions, processes, sockets, start_python


def perform(folder):
    """Everything."""
    os.makedirs(folder, exist_ok=True)
    for act in (
        values,
        files,
        attributes,
        trees,
        archives,
        objects,
        codes,
        frames,
        foreign_functions,
        sockets,
        clients,
        processes,
        descriptors,
        databases,
        coroutines,
        imports,
    ):
        act(folder)


def perform_some(folder):
    """What is quick."""
    os.makedirs(folder, exist_ok=True)
    for act in (values, files, codes, sockets):
        act(folder)


def of_threads(folder, number, index):
    path = os.path.join(folder, "thread-%d" % number)
    with open(path, "w"):
        pass
    os.chmod(path, 0o600 + index)
    sys.audit("thread", number, index, threading.current_thread().name)
    exec(compile("[id(one) for one in (%d, %d)]" % (number, index), "<thread %d>" % number, "exec"))
    os.remove(path)


async def ticks(count):
    for number in range(count):
        yield id(number)
        await asyncio.sleep(0)


async def step(number):
    id(number)
    async for _ in ticks(3):
        sys.audit("tick", number)
    await asyncio.get_running_loop().run_in_executor(None, id, number)
    return [id(one) async for one in ticks(2)]


async def serve_once():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"line\n")
    id(await reader.readline())
    writer.close()
    server.close()
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()


async def gather():
    await asyncio.gather(*map(step, range(4)))
    await asyncio.wait_for(step(9), 5)
    await serve_once()


def coroutines(folder):
    asyncio.run(gather())


def imports(folder):
    path = os.path.join(folder, "modules")
    os.makedirs(os.path.join(path, "package"))
    for name, content in (
        ("package/__init__.py", "from . import inner\n"),
        ("package/inner.py", "import colorsys\nid(1)\n"),
        ("broken.py", "import no_such_module_anywhere\n"),
    ):
        with open(os.path.join(path, name), "w") as file:
            file.write(content)
    sys.path.insert(0, path)
    import package
    from package.inner import colorsys

    for number in range(12):  # their code objects are made and freed in turn, each in the place of the one before
        for name, content in (("outer", "import inner%02d\n" % number), ("inner", "import sys\nsys.audit('alike')\n")):
            with open(os.path.join(path, "%s%02d.py" % (name, number)), "w") as file:
                file.write(content)
    for number in range(12):
        __import__("outer%02d" % number)
    attempt_import("broken")
    attempt_import("no_such_module_at_all")
    builtins.__import__("xml.dom.minidom", fromlist=("Node",))


def attempt_import(name):
    try:
        __import__(name)
    except ImportError:
        pass
