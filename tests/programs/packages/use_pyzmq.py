"""pyzmq: sockets of every transport, moved by the input-output thread of libzmq."""

import threading

import zmq

context = zmq.Context()
for address in ("tcp://127.0.0.1:*", "ipc://zmq.socket", "inproc://here"):
    replier = context.socket(zmq.REP)
    replier.bind(address)
    bound = replier.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def reply(replier=replier):
        for _ in range(3):
            replier.send(replier.recv().upper())

    thread = threading.Thread(target=reply)
    thread.start()
    asker = context.socket(zmq.REQ)
    asker.connect(bound)
    for _ in range(3):
        asker.send(b"quiet")
        assert asker.recv() == b"QUIET"
    thread.join()
    asker.close()
    replier.close()

publisher, subscriber = context.socket(zmq.PUB), context.socket(zmq.SUB)
port = publisher.bind_to_random_port("tcp://127.0.0.1")
subscriber.subscribe("")
subscriber.connect(f"tcp://127.0.0.1:{port}")
poller = zmq.Poller()
poller.register(subscriber, zmq.POLLIN)
for _ in range(100):
    publisher.send(b"news")
    if poller.poll(50):
        break
assert subscriber.recv() == b"news"
lonely = context.socket(zmq.REQ)
lonely.setsockopt(zmq.LINGER, 0)
lonely.connect("tcp://127.0.0.1:9")
lonely.send(b"x")
context.destroy(linger=0)
