"""tornado: a server with templates and a web socket, and its own client, in one loop."""

import asyncio

import tornado.httpclient
import tornado.httpserver
import tornado.template
import tornado.testing
import tornado.web
import tornado.websocket

_PAGE = tornado.template.Template("<p>{% for n in range(count) %}{{ n }} {% end %}</p>")


class _Page(tornado.web.RequestHandler):
    def get(self, count):
        self.set_signed_cookie("count", count)
        self.write(_PAGE.generate(count=int(count)))


class _Socket(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message.upper())


async def _run():
    application = tornado.web.Application([("/page/(.*)", _Page), ("/ws", _Socket)], cookie_secret="known")
    listening, port = tornado.testing.bind_unused_port()
    server = tornado.httpserver.HTTPServer(application)
    server.add_socket(listening)
    client = tornado.httpclient.AsyncHTTPClient()
    for count in range(250):
        answer = await client.fetch(f"http://127.0.0.1:{port}/page/{count}")
        assert answer.body.startswith(b"<p>")
    channel = await tornado.websocket.websocket_connect(f"ws://127.0.0.1:{port}/ws")
    for _ in range(200):
        await channel.write_message("text")
        assert await channel.read_message() == "TEXT"
    channel.close()
    server.stop()
    await server.close_all_connections()


def main():
    """Serve and ask in one loop."""
    asyncio.run(_run())


if __name__ == "__main__":
    main()
