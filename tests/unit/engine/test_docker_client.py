"""Every error of the SDK becomes one of ours, with a remedy; the daemon's words become an environment."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import docker.errors
import pytest
import requests
import requests.exceptions
import urllib3.exceptions

from memcap import __version__
from memcap.engine.base import DaemonLost
from memcap.engine.docker_bounded import AnswerUnfinished
from memcap.engine.docker_client import already_gone, environment, translated
from memcap.engine.remedies import permission_remedy, start_remedy
from memcap.errors import BuildError, EngineError, ImageMissing, MemcapError, SelectionError


def answer(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    return response


def api_error(explanation: str, status: int = 500) -> docker.errors.APIError:
    return docker.errors.APIError("failed", response=answer(status), explanation=explanation)


def sdk_errors() -> Iterator[Exception]:
    """Make one of each class in docker.errors, so that a class new in the SDK is not forgotten."""
    arguments: dict[str, tuple[Any, ...]] = {
        "APIError": ("x", answer(500), "it failed"),
        "BuildError": ("step 3 failed", []),
        "ContainerError": ("box", 3, "cmd", "image", b"text"),
    }
    for name, kind in inspect.getmembers(docker.errors, inspect.isclass):
        if issubclass(kind, Exception) and kind.__module__ == "docker.errors":
            yield kind(*arguments.get(name, ("x",)))


def caught(error: BaseException) -> MemcapError:
    with pytest.raises(MemcapError) as found, translated("do the thing"):
        raise error
    assert found.value.__cause__ is error
    return found.value


@pytest.mark.parametrize("error", tuple(sdk_errors()), ids=lambda error: type(error).__name__)
def test_each_error_class_of_the_sdk_is_translated(error: Exception) -> None:
    ours = caught(error)
    expected = {"ImageNotFound": ImageMissing, "BuildError": BuildError}.get(type(error).__name__, EngineError)
    assert type(ours) is expected
    assert ours.message.startswith("could not do the thing: ")
    assert ours.remedy


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.exceptions.ConnectionError(ConnectionRefusedError("refused")), "cannot connect to the daemon"),
        (requests.exceptions.ConnectionError("reset"), "connection to the daemon broke"),
        (requests.exceptions.ReadTimeout("slow"), "did not answer in time"),
        (requests.exceptions.ConnectTimeout("slow"), "cannot connect to the daemon"),
        (requests.exceptions.ChunkedEncodingError("cut"), "connection to the daemon broke"),
        (urllib3.exceptions.ProtocolError("cut short"), "connection to the daemon broke"),
        (urllib3.exceptions.ReadTimeoutError(None, "url", "slow"), "stopped in the middle of an answer"),  # type: ignore[arg-type]
        (AnswerUnfinished("a byte at a time"), "did not come to an end in time"),
        (ConnectionResetError("reset"), "connection to the daemon broke"),
        (BrokenPipeError("pipe"), "connection to the daemon broke"),
        (TimeoutError("slow"), "did not answer in time"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_of_the_transport_are_translated(error: Exception, words: str) -> None:
    ours = caught(error)
    assert type(ours) is DaemonLost
    assert words in ours.message
    assert ours.remedy


def test_an_answer_that_is_no_json_is_not_a_lost_daemon() -> None:
    assert type(caught(requests.exceptions.JSONDecodeError("no", "doc", 0))) is EngineError


@pytest.mark.parametrize(
    ("explanation", "kind", "remedy"),
    [
        ("write /x: no space left on device", EngineError, "memcap gc --all"),
        ('Get "https://registry.example/v2/": dial tcp: i/o timeout', ImageMissing, "memcap images build"),
        ("manifest for x:y not found: manifest unknown", ImageMissing, "name and tag"),
        ("the sky fell", EngineError, "memcap doctor"),
    ],
)
def test_what_the_daemon_answered_decides_kind_and_remedy(explanation: str, kind: type, remedy: str) -> None:
    ours = caught(api_error(explanation))
    assert type(ours) is kind
    assert explanation in ours.message
    assert remedy in ours.remedy


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(SelectionError, match="ours"), translated("do it"):
        raise SelectionError("ours")
    with pytest.raises(KeyError), translated("do it"):
        raise KeyError("a bug")
    with pytest.raises(FileNotFoundError), translated("do it"):
        raise FileNotFoundError("a local file")


def test_already_gone_ignores_only_that() -> None:
    with already_gone():
        raise docker.errors.NotFound("gone", response=answer(404))
    with already_gone():
        raise api_error("removal of container x is already in progress", 409)
    with pytest.raises(docker.errors.APIError), already_gone():
        raise api_error("the container is running", 409)
    with pytest.raises(docker.errors.APIError), already_gone():
        raise api_error("is already in progress", 500)


class Daemon:
    """Answers info() and version() as a client does."""

    def __init__(self, info: dict[str, Any], version: dict[str, Any]) -> None:
        self.info = lambda: info
        self.version = lambda: version


def test_environment_takes_the_daemons_words() -> None:
    info = {
        "CgroupVersion": "2",
        "CgroupDriver": "systemd",
        "KernelVersion": "6.12.1",
        "OperatingSystem": "Debian GNU/Linux 13",
        "Architecture": "arm64",
        "NCPU": 8,
        "MemTotal": 8_000_000_000,
        "SwapLimit": False,
    }
    found = environment(Daemon(info, {"Version": "26.1", "Components": [{"Name": "Engine"}]}))  # type: ignore[arg-type]
    assert (found.engine, found.engine_version, found.cgroup_version) == ("docker", "26.1", 2)
    assert (found.architecture, found.cpus, found.memory_bytes) == ("aarch64", 8, 8_000_000_000)
    assert (found.swap_accounting, found.memcap_version) == (False, __version__)


@pytest.mark.parametrize(("cgroup", "limits"), [("1", False), ("2", None)])
def test_podman_is_not_believed_to_leave_swap_alone_on_v2(cgroup: str, limits: bool | None) -> None:
    version = {"Version": "5.4.2", "Components": [{"Name": "Podman Engine"}]}
    found = environment(Daemon({"CgroupVersion": cgroup, "SwapLimit": False}, version))  # type: ignore[arg-type]
    assert (found.engine, found.swap_accounting) == ("podman", limits)


def test_what_the_daemon_does_not_say_is_absent() -> None:
    found = environment(Daemon({"MemTotal": 0}, {"Components": None}))  # type: ignore[arg-type]
    assert (found.engine, found.cgroup_version, found.cpus) == ("docker", None, None)
    assert (found.memory_bytes, found.swap_accounting) == (None, None)


@pytest.mark.parametrize(
    ("platform", "families", "installed", "words"),
    [
        ("linux", ("ubuntu", "debian"), False, "apt-get install -y docker.io"),
        ("linux", ("debian",), False, "apt-get install -y docker.io"),
        ("linux", ("fedora",), False, "dnf install -y moby-engine"),
        ("linux", ("rocky", "rhel", "centos", "fedora"), False, "podman-docker"),
        ("linux", ("opensuse-leap", "suse"), False, "zypper"),
        ("linux", ("arch",), False, "pacman"),
        ("linux", ("alpine",), False, "apk add docker"),
        ("linux", ("nixos",), False, "https://docs.docker.com/engine/install/"),
        ("linux", (), False, "https://docs.docker.com/engine/install/"),
        ("linux", ("debian",), True, "systemctl start docker"),
        ("darwin", (), False, "colima start"),
        ("win32", (), False, "Docker.DockerDesktop"),
    ],
)
def test_the_remedy_fits_the_system(platform: str, families: tuple[str, ...], installed: bool, words: str) -> None:
    assert words in start_remedy(platform, families, installed=installed)


@pytest.mark.parametrize(("platform", "words"), [("linux", "usermod -aG docker"), ("darwin", "Docker Desktop")])
def test_the_remedy_for_a_forbidden_daemon_fits_the_system(platform: str, words: str) -> None:
    assert words in permission_remedy(platform)
