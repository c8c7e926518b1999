"""uvloop: servers of TCP, UNIX and UDP, files, a child process and names, all through libuv."""

import asyncio
import socket

import uvloop


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def ask(reader, writer):
    for _ in range(3):
        writer.write(b"quiet\n")
        assert await reader.readline() == b"QUIET\n"
    writer.close()
    await writer.wait_closed()


async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    await asyncio.gather(*(ask(*connection) for connection in connections))
    local = await asyncio.start_unix_server(answer, "uv.socket")
    await ask(*await asyncio.open_unix_connection("uv.socket"))
    try:
        await asyncio.open_connection("127.0.0.1", 9)
    except OSError:
        pass
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    transport.sendto(b"x", ("127.0.0.1", 9))
    transport.close()
    await loop.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
    process = await asyncio.create_subprocess_exec("/bin/cat", stdin=-1, stdout=-1)
    output, _ = await process.communicate(b"through a pipe")
    assert output == b"through a pipe"
    await loop.run_in_executor(None, lambda: open("written.txt", "w").close())
    server.close()
    local.close()
    await server.wait_closed()


uvloop.run(main())
