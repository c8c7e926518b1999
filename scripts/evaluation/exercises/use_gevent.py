"""gevent: the standard library made cooperative, a server and many clients, a pool, a queue, a child."""

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402 - after patching
import time  # noqa: E402

import gevent  # noqa: E402
import gevent.pool  # noqa: E402
import gevent.queue  # noqa: E402
import gevent.server  # noqa: E402
import gevent.subprocess  # noqa: E402


def _echo(connection, _):
    while data := connection.recv(1000):
        connection.sendall(data.upper())


def _ask(port, number):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"text {number}".encode())
        return connection.recv(1000)


def main():
    """Serve, ask, wait."""
    server = gevent.server.StreamServer(("127.0.0.1", 0), _echo)
    server.start()
    pool = gevent.pool.Pool(50)
    answers = pool.map(lambda number: _ask(server.server_port, number), range(600))
    assert answers[-1] == b"TEXT 599"
    server.stop()
    queue = gevent.queue.Queue(10)
    producer = gevent.spawn(lambda: [queue.put(number) for number in range(5000)])
    assert sum(queue.get() for _ in range(5000)) == sum(range(5000))
    producer.join()
    start = time.monotonic()
    gevent.joinall([gevent.spawn(time.sleep, 0.1) for _ in range(100)])
    assert time.monotonic() - start < 5
    assert gevent.subprocess.check_output(["echo", "child"]) == b"child\n"
    with gevent.Timeout(0.05, exception=False):
        time.sleep(10)


if __name__ == "__main__":
    main()
