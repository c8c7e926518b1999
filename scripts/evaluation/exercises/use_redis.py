"""redis: a client, a pipeline and a pool, against a server of this process that knows a few commands."""

import socketserver
import threading

import redis


class _Handler(socketserver.StreamRequestHandler):
    values = {}

    def handle(self):
        while line := self.rfile.readline():
            words = [self._word() for _ in range(int(line[1:]))]
            self.wfile.write(self._answer(*words))

    def _word(self):
        size = int(self.rfile.readline()[1:])
        return self.rfile.read(size + 2)[:-2]

    def _answer(self, command, *words):
        command = command.upper()
        if command == b"SET":
            self.values[words[0]] = words[1]
            return b"+OK\r\n"
        if command == b"INCRBY":
            self.values[words[0]] = b"%d" % (int(self.values.get(words[0], 0)) + int(words[1]))
            return b":%s\r\n" % self.values[words[0]]
        if command == b"GET":
            value = self.values.get(words[0])
            return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
        if command in (b"CLIENT", b"SELECT"):
            return b"+OK\r\n"
        if command == b"PING":
            return b"+PONG\r\n"
        return b"-ERR unknown command\r\n"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def main():
    """Set, get, count, fail."""
    _Handler.values.clear()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        client = redis.Redis("127.0.0.1", server.server_address[1], protocol=2, decode_responses=True)
        assert client.ping()
        for number in range(800):
            client.set(f"key {number}", number)
            assert client.get(f"key {number}") == str(number)
        assert client.get("missing") is None
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(500):
                pipeline.incrby("counter", 2)
            assert pipeline.execute()[-1] == 1000
        try:
            client.execute_command("NONSENSE")
        except redis.ResponseError:
            pass
        client.close()
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    main()
