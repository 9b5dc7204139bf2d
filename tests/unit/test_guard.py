"""The guard of the unit tests: no processes, no network."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest


def test_a_process_is_blocked() -> None:
    with pytest.raises(pytest.fail.Exception, match="start no process"):
        subprocess.run([sys.executable, "-c", ""], check=True)


def test_the_network_is_blocked() -> None:
    with socket.socket() as endpoint, pytest.raises(pytest.fail.Exception, match="no network"):
        endpoint.connect(("127.0.0.1", 9))


@pytest.mark.allow_processes
def test_a_marked_test_may_start_a_process() -> None:
    assert subprocess.run([sys.executable, "-c", "print(1)"], check=True, capture_output=True).stdout.split() == [b"1"]
