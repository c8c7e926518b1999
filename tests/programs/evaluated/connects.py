"""Connects to an address that nobody has, which a sandbox without network refuses at once."""

import socket

try:
    socket.create_connection(("198.51.100.7", 80), 2)
except OSError as error:
    print("connect:", error)
