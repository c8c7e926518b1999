"""pyzmq: requests and replies, publishing, and a pipeline, over loopback and inside the process."""

import threading

import zmq


def _reply(context, address):
    with context.socket(zmq.REP) as socket:
        socket.connect(address)
        while (message := socket.recv_json()) is not None:
            socket.send_json(message["number"] * 2)
        socket.send_json(None)


def main():
    """Ask, publish, push."""
    with zmq.Context() as context:
        with context.socket(zmq.REQ) as asking:
            port = asking.bind_to_random_port("tcp://127.0.0.1")
            thread = threading.Thread(target=_reply, args=(context, f"tcp://127.0.0.1:{port}"))
            thread.start()
            for number in range(4000):
                asking.send_json({"number": number})
                assert asking.recv_json() == number * 2
            asking.send_json(None)
            asking.recv()
            thread.join()
        with context.socket(zmq.PUSH) as pushing, context.socket(zmq.PULL) as pulling:
            pushing.bind("inproc://pipe")
            pulling.connect("inproc://pipe")
            for number in range(500):
                pushing.send_multipart([b"part", b"%d" % number])
            assert pulling.recv_multipart() == [b"part", b"0"]
            poller = zmq.Poller()
            poller.register(pulling, zmq.POLLIN)
            assert dict(poller.poll(1000)) == {pulling: zmq.POLLIN}
            for _ in range(499):
                pulling.recv_multipart()


if __name__ == "__main__":
    main()
