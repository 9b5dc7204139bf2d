"""Reach a daemon on another machine through the user's own ssh: a local socket that ssh forwards to the daemon's.

The SDK's ssh support opens an ssh connection for each request, cannot end an event stream, and needs paramiko.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

REMOTE_SOCKET: Final = "/var/run/docker.sock"
START_SECONDS: Final = 20
_ERROR_CHARACTERS: Final = 2000


class TunnelError(Exception):
    """The tunnel could not be dug; the message is ssh's own."""


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """A running ssh that forwards ``socket_path`` to the daemon's socket; close it."""

    socket_path: Path
    ssh: subprocess.Popen[bytes]
    folder: tempfile.TemporaryDirectory[str]

    def close(self) -> None:
        """End ssh and remove the socket."""
        self.ssh.terminate()
        self.ssh.wait()
        self.folder.cleanup()


def open_tunnel(url: str) -> Tunnel:
    """Return a tunnel to the daemon of ``url`` (``ssh://[user@]host[:port][/path/of/its.sock]``).

    Raises TunnelError when ssh is missing, asks for a password, or does not connect in time.
    """
    folder = tempfile.TemporaryDirectory(prefix="memcap-ssh-")  # of mode 0700: others must not reach the daemon
    local = Path(folder.name) / "docker.sock"
    errors = Path(folder.name) / "errors"
    try:
        with errors.open("wb") as stderr:
            ssh = subprocess.Popen(
                arguments(url, local), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
            )
    except OSError as error:
        folder.cleanup()
        raise TunnelError(f"ssh could not be started: {error.strerror}") from error
    tunnel = Tunnel(socket_path=local, ssh=ssh, folder=folder)
    try:
        _wait_until_open(ssh, local, errors)
    except BaseException:
        tunnel.close()
        raise
    return tunnel


def arguments(url: str, local: Path) -> list[str]:
    """Return the command line of ssh; the user's own configuration fills in what the address leaves out."""
    parts = urlsplit(url)
    remote = parts.path if parts.path not in ("", "/") else REMOTE_SOCKET
    options = ["-nNT", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-L", f"{local}:{remote}"]
    if parts.username:
        options += ["-l", parts.username]
    if parts.port:
        options += ["-p", str(parts.port)]
    return ["ssh", *options, "--", parts.hostname or ""]


def _wait_until_open(ssh: subprocess.Popen[bytes], local: Path, errors: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if ssh.poll() is not None:
            said = errors.read_text(encoding="utf-8", errors="replace")[-_ERROR_CHARACTERS:].strip()
            raise TunnelError(said or f"ssh ended with {ssh.returncode}")
        if local.exists():
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as knocker:
                if knocker.connect_ex(str(local)) == 0:
                    return
        time.sleep(0.05)
    raise TunnelError(f"ssh did not connect within {START_SECONDS} s")
