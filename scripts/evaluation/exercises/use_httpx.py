"""httpx: a client, and one of asyncio, against a server of this process and against an application."""

import asyncio
import http.server
import threading

import httpx


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out in one piece

    def do_GET(self):
        body = self.path.encode()
        self.send_response(307 if self.path == "/moved" else 200)
        self.send_header("Location", "/target")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def _ask(base):
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(50)))
        assert [answer.text for answer in answers] == [f"/{number}" for number in range(50)]


def _application(environment, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [environment["QUERY_STRING"].encode()]


def main():
    """Ask a few hundred times."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    with httpx.Client(base_url=base, trust_env=False, follow_redirects=True) as client:
        for number in range(200):
            assert client.get(f"/{number}").text == f"/{number}"
        assert client.get("/moved").url.path == "/target"
    asyncio.run(_ask(base))
    server.shutdown()
    thread.join()
    server.server_close()
    with httpx.Client(transport=httpx.WSGITransport(_application), base_url="http://inside") as client:
        for number in range(100):
            assert client.get("/", params={"n": number}).text == f"n={number}"


if __name__ == "__main__":
    main()
