# SPDX-License-Identifier: Apache-2.0
"""One TCP connection between two pods that says a few bytes every few milliseconds and hears them back."""

import select
import socket
import time

from podnetlib import kernel

_BEAT = 0.005  # seconds between two messages
_PATIENCE = 5.0


class Conversation:
    def __init__(self, client_netns, server_netns, address, port):
        with kernel.inside(server_netns):
            listener = socket.create_server((address, port))
        with listener, kernel.inside(client_netns):
            self._client = socket.create_connection((address, port), timeout=_PATIENCE)
            self._server, _ = listener.accept()
        for end in (self._client, self._server):
            end.setblocking(False)
        self.answers = 0
        self.last_answer = None  # on the monotonic clock

    def talk(self, seconds):
        deadline = time.monotonic() + seconds
        due = time.monotonic()
        while (now := time.monotonic()) < deadline:
            if now >= due:
                self._say(self._client, b"how much?")
                due = now + _BEAT
            self._hear(max(0.0, min(due, deadline) - now))

    def __enter__(self):
        return self

    def __exit__(self, *_reason):
        self._client.close()
        self._server.close()

    def _hear(self, patience):
        for end in select.select([self._client, self._server], [], [], patience)[0]:
            heard = end.recv(65536)
            if end is self._server:
                self._say(end, heard)
            else:
                self.answers += 1
                self.last_answer = time.monotonic()

    @staticmethod
    def _say(end, message):
        try:
            end.send(message)
        except BlockingIOError:
            pass  # full of what isn't acknowledged
