"""urllib3: a pool of connections against a server of this process, with retries and a timeout."""

import http.server
import threading

import urllib3
import urllib3.util


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out in one piece
    failures = 0

    def do_GET(self):
        body = self.path.encode()
        if self.path == "/flaky" and _Handler.failures < 2:
            _Handler.failures += 1
            self.send_response(503)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    """Ask a few hundred times."""
    _Handler.failures = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    retries = urllib3.util.Retry(total=5, status_forcelist=[503], backoff_factor=0)
    with urllib3.PoolManager(maxsize=4, retries=retries, timeout=urllib3.Timeout(5)) as pool:
        for index in range(400):
            answer = pool.request("GET", f"{base}/{index}")
            assert (answer.status, answer.data) == (200, f"/{index}".encode())
        assert pool.request("GET", f"{base}/flaky").status == 200
    assert urllib3.util.parse_url("http://example.org:80/a?b").port == 80
    server.shutdown()
    thread.join()
    server.server_close()


if __name__ == "__main__":
    main()
