"""Requests by hand."""

import socket
import struct


def text(value):
    return struct.pack(">h", len(value)) + value


class Connection:
    """A client without a library, for figures that must not be a library's."""

    def __init__(self, broker, client_id="speed"):
        self.client_id = client_id.encode()
        self.socket = socket.create_connection(("127.0.0.1", broker.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, api, version, body):
        """Sends a request with a header of version 1 and returns the body of its answer."""
        request = struct.pack(">hhi", api, version, 7) + text(self.client_id) + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        return self.read(struct.unpack(">i", self.read(4))[0])[4:]

    def read(self, length):
        data = bytearray()
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionError("the broker hung up")
            data += more
        return bytes(data)
