"""aiohttp: a server with routes and a web socket, and a client session."""

import asyncio

import aiohttp
from aiohttp import web


async def _echo(request):
    return web.json_response({"path": request.path, "body": await request.text()})


async def _socket(request):
    channel = web.WebSocketResponse()
    await channel.prepare(request)
    async for message in channel:
        await channel.send_str(message.data.upper())
    return channel


async def _run():
    application = web.Application()
    application.add_routes([web.get("/ws", _socket), web.route("*", "/{name}", _echo)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession(base) as session:
        for number in range(300):
            async with session.post(f"/{number}", data=b"text") as answer:
                assert await answer.json() == {"path": f"/{number}", "body": "text"}
        async with session.ws_connect("/ws") as channel:
            for _ in range(200):
                await channel.send_str("text")
                assert await channel.receive_str() == "TEXT"
    await runner.cleanup()


def main():
    """Serve and ask in one loop."""
    asyncio.run(_run())


if __name__ == "__main__":
    main()
