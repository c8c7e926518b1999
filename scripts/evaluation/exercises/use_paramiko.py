"""paramiko: an SSH server and a client of one process: keys, a command, and files by SFTP."""

import os
import socket
import tempfile
import threading
from pathlib import Path

import paramiko


class _Files(paramiko.SFTPServerInterface):
    root = ""

    def open(self, path, flags, attributes):
        descriptor = os.open(self.root + self.canonicalize(path), flags, 0o600)
        handle = paramiko.SFTPHandle(flags)
        mode = "r+b" if flags & (os.O_WRONLY | os.O_RDWR) else "rb"
        handle.readfile = handle.writefile = os.fdopen(descriptor, mode)
        return handle

    def stat(self, path):
        return paramiko.SFTPAttributes.from_stat(os.stat(self.root + self.canonicalize(path)))

    def list_folder(self, path):
        names = os.listdir(self.root + self.canonicalize(path))
        return [paramiko.SFTPAttributes.from_stat(os.stat(f"{self.root}/{name}"), name) for name in names]


class _Server(paramiko.ServerInterface):
    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL if password == "secret" else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self._execute, args=(channel, command)).start()
        return True

    @staticmethod
    def _execute(channel, command):
        while channel.recv(100):  # until the client has had its answer and sends no more
            pass
        channel.sendall(command.upper())
        channel.send_exit_status(0)
        channel.close()


def _serve(listening, key):
    connection, _ = listening.accept()
    transport = paramiko.Transport(connection)
    transport.add_server_key(key)
    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
    transport.start_server(server=_Server())
    return transport


def main():
    """Connect, run, copy."""
    key = paramiko.RSAKey.generate(2048)
    with socket.create_server(("127.0.0.1", 0)) as listening, tempfile.TemporaryDirectory() as folder:
        _Files.root = folder
        accepted = []
        thread = threading.Thread(target=lambda: accepted.append(_serve(listening, key)))
        thread.start()
        client = paramiko.SSHClient()
        port = listening.getsockname()[1]
        client.get_host_keys().add(f"[127.0.0.1]:{port}", key.get_name(), key)
        client.connect("127.0.0.1", port, "me", "secret", look_for_keys=False, allow_agent=False)
        thread.join()
        for number in range(20):
            given, output, _ = client.exec_command(f"say {number}")
            given.channel.shutdown_write()
            assert output.read() == b"SAY %d" % number
        with client.open_sftp() as files:
            with files.open("/copy", "wb") as stream:
                stream.write(b"x" * 200_000)
            assert files.stat("/copy").st_size == 200_000
            assert files.listdir("/") == ["copy"]
        assert Path(folder, "copy").read_bytes() == b"x" * 200_000
        client.close()
        accepted[0].close()


if __name__ == "__main__":
    main()
