"""requests: a session over loopback, certificates and cookies; all of it in Python."""

import threading

import requests
import web_server

server = web_server.start()
try:
    with requests.Session() as session:
        assert session.get(server.url, timeout=20).status_code == 200
        assert session.get(server.url + "/moved", timeout=20).history
        assert session.post(server.url, data=b"quiet", timeout=20).content == b"QUIET"
        with open("body.bin", "wb") as out:
            out.write(session.get(server.url.replace("127.0.0.1", "localhost"), timeout=20).content)
        with open("body.bin", "rb") as file:
            session.put(server.url, files={"file": file}, timeout=20)
        threads = [threading.Thread(target=lambda: requests.get(server.url, timeout=20)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for url in ("http://127.0.0.1:9/", "https://127.0.0.1:9/"):
            try:
                session.get(url, timeout=5)
            except requests.ConnectionError:
                pass
finally:
    server.shutdown()
    server.server_close()
