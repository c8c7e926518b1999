"""requests: a session against a server of this process, with JSON, forms, cookies, redirects and a failure."""

import http.server
import json
import threading

import requests
import requests.adapters


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out in one piece

    def do_GET(self):
        if self.path.startswith("/moved"):
            self._answer(302, b"", ("Location", "/target"))
        elif self.path.startswith("/missing"):
            self._answer(404, b"{}")
        else:
            self._answer(200, json.dumps({"path": self.path}).encode(), ("Set-Cookie", "seen=yes"))

    def do_POST(self):
        self._answer(200, self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    """Ask a few hundred times."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=1))
        for index in range(150):
            assert session.get(f"{base}/page", params={"n": index}).json() == {"path": f"/page?n={index}"}
            assert session.post(base, json={"n": index}).json() == {"n": index}
        assert session.cookies["seen"] == "yes"
        assert session.get(f"{base}/moved").url == f"{base}/target"
        assert session.post(base, files={"upload": ("a.txt", b"content")}).content.count(b"content") == 1
        assert not session.get(f"{base}/missing").ok
        streamed = session.get(f"{base}/long", stream=True)
        assert b"".join(streamed.iter_content(4)) == b'{"path": "/long"}'
    server.shutdown()
    thread.join()
    server.server_close()
    try:
        requests.get(base, timeout=1)
    except requests.exceptions.ConnectionError:
        return
    raise AssertionError("the server is gone")


if __name__ == "__main__":
    main()
