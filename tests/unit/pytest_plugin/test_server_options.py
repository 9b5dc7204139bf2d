"""What a test asks of ``memory_server``: read, or refused with all that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.errors import UsageError
from memcap.model import CommandReady, HttpReady, LoadTarget, Readiness, TcpReady
from memcap.pytest_plugin import server_options
from memcap.pytest_plugin.server_options import ContainerSettings, ServerSettings, server_settings

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_options, "free_port", lambda: 4321)


def test_the_defaults() -> None:
    assert server_settings("python -m 'my server'", "tcp://localhost:80", {}) == ServerSettings(
        argv=("python", "-m", "my server"), ready=Readiness(check=TcpReady(host="localhost", port=80))
    )


def test_a_free_port_is_chosen_once_for_all_places() -> None:
    found = server_settings(["serve", "--port={port}"], "http://localhost:{port}/up", {"env": {"PORT": "{port}"}})

    assert found.argv == ("serve", "--port=4321")
    assert found.ready.check == HttpReady(url="http://localhost:4321/up")
    assert found.env == {"PORT": "4321"}
    assert found.port == 4321
    assert found.target == LoadTarget(host="localhost", port=4321)


def test_a_command_does_not_say_where_the_server_listens(tmp_path: Path) -> None:
    options = {"ready_timeout": 3, "grace": 0.5, "cwd": tmp_path}
    found = server_settings([tmp_path / "serve"], "test -S 'my socket'", options)

    assert found.argv == (str(tmp_path / "serve"),)
    assert found.ready == Readiness(check=CommandReady(argv=("test", "-S", "my socket")), time_limit_seconds=3)
    assert found.grace_seconds == 0.5
    assert found.cwd == str(tmp_path)
    assert found.target is None
    assert found.port is None


def test_a_container() -> None:
    options = {"image": "my/api:2.0", "cap": "128m", "network": "host", "cwd": "/srv"}
    found = server_settings([], "tcp://localhost:80", options)

    assert found.argv == ()
    assert found.cwd == "/srv"
    assert found.container == ContainerSettings(image="my/api:2.0", cap_bytes=128 * 1024**2, network="host")


@pytest.mark.parametrize(
    ("command", "ready", "options", "problem"),
    [
        ("", "tcp://a:1", {}, "command: it is empty"),
        ("it's", "tcp://a:1", {}, "command: No closing quotation"),
        (7, "tcp://a:1", {}, "command: expected a text or a list of words"),
        ("a", "", {}, "ready: expected a text, not ''"),
        ("a", "http://a:b", {}, "ready: 'http://a:b' is not an address of a server"),
        ("a", "tcp://a:1", {"redy_timeout": 1}, "redy_timeout: there is no such option; did you mean ready_timeout?"),
        ("a", "tcp://a:1", {"grace": 0}, "grace: expected seconds above 0, not 0"),
        ("a", "tcp://a:1", {"grace": True}, "grace: expected seconds above 0, not True"),
        ("a", "tcp://a:1", {"ready_timeout": float("nan")}, "ready_timeout: expected seconds above 0, not nan"),
        ("a", "tcp://a:1", {"env": {"A": 1}}, "env: expected names and values that are texts"),
        ("a", "tcp://a:1", {"cwd": 3}, "cwd: expected a folder, not 3"),
        ("a", "tcp://a:1", {"cwd": "/no/such/place"}, "cwd: there is no folder '/no/such/place'"),
        ("a", "tcp://a:1", {"cap": "1m"}, "cap: it is for containers; give `image` too"),
        ("a", "tcp://a:1", {"image": ""}, "image: expected a text, not ''"),
        ("a", "tcp://a:1", {"image": "a", "cap": "12"}, "cap: size '12' has no unit"),
        ("a", "tcp://a:1", {"image": "a", "network": "none"}, "network: a server without a network cannot be reached"),
    ],
)
def test_what_is_wrong_is_told(command: str, ready: str, options: dict[str, object], problem: str) -> None:
    with pytest.raises(UsageError, match="memory_server has 1 problem; nothing was started") as raised:
        server_settings(command, ready, options)

    assert problem in str(raised.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UsageError) as raised:
        server_settings([], "a:1", {"grace": "1s", "network": "host", "imag": "x"})

    lines = str(raised.value).splitlines()
    assert lines[0] == "memory_server has 4 problems; nothing was started."
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["imag", "ready", "grace", "network"]
