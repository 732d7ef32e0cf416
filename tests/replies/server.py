"""A small HTTP server that gives one recorded reply to each request."""

import socket
import threading


class Server:
    """Listens on loopback; whatever `reply` is now is sent to who asks."""

    def __init__(self) -> None:
        self.reply = b""
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            with connection:
                self.answer(connection)

    def answer(self, connection: socket.socket) -> None:
        """Reads a whole request and sends the reply, or just hangs up."""
        file = connection.makefile("rb")
        length, head = 0, b""
        for line in file:
            head += line
            key, _, value = line.partition(b":")
            if key.lower() == b"content-length":
                length = int(value)
            if line in (b"\r\n", b"\n"):
                break
        self.requests.append(head + file.read(length))
        connection.sendall(self.reply)
