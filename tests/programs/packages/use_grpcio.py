"""grpcio: a server and a client over loopback, with the threads of its C core."""

from concurrent import futures

import grpc


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/test.Echo/Shout":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request.upper())
        if details.method == "/test.Echo/Count":
            return grpc.unary_stream_rpc_method_handler(lambda request, context: (bytes([n]) for n in range(5)))
        return None


server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
server.add_generic_rpc_handlers((Echo(),))
port = server.add_insecure_port("127.0.0.1:0")
server.add_insecure_port("unix:grpc.socket")
server.start()
for target in (f"127.0.0.1:{port}", f"localhost:{port}", "unix:grpc.socket"):
    with grpc.insecure_channel(target) as channel:
        grpc.channel_ready_future(channel).result(timeout=20)
        shout = channel.unary_unary("/test.Echo/Shout")
        for _ in range(3):
            assert shout(b"quiet", timeout=20) == b"QUIET"
        assert len(list(channel.unary_stream("/test.Echo/Count")(b"", timeout=20))) == 5
with grpc.insecure_channel("127.0.0.1:9") as channel:
    try:
        channel.unary_unary("/test.Echo/Shout")(b"x", timeout=3)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
server.stop(None).wait(10)
