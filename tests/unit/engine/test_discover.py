"""The daemon is looked for in the docker command's own order, on each platform, and never silently elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.engine.discover import DaemonAddress, find_daemon
from memcap.errors import DaemonUnavailable

DEFAULT = "unix:///var/run/docker.sock"


def there(*paths: str) -> Callable[[str], bool]:
    return lambda path: path in paths


def write_context(folder: Path, name: str, content: object, *, tls: tuple[str, ...] = ()) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / digest / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(content if isinstance(content, str) else json.dumps(content))
    files = folder / "contexts" / "tls" / digest / "docker"
    for file in tls:
        files.mkdir(parents=True, exist_ok=True)
        (files / file).write_text("PEM")


def endpoint(host: str, *, skip: bool = False) -> dict[str, object]:
    return {"Name": "x", "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip}}}


def use_context(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("tcp://10.0.0.5:2375", "tcp://10.0.0.5:2375"),
        ("unix:///somewhere/docker.sock", "unix:///somewhere/docker.sock"),
        ("/somewhere/docker.sock", "unix:///somewhere/docker.sock"),
        ("10.0.0.5:2375", "tcp://10.0.0.5:2375"),
        ("ssh://me@host", "ssh://me@host"),
        ("npipe:////./pipe/other", "npipe:////./pipe/other"),
    ],
)
def test_docker_host_wins_over_everything(tmp_path: Path, host: str, url: str) -> None:
    use_context(tmp_path / ".docker", "there-is-no-such-context")
    environ = {"DOCKER_HOST": host, "DOCKER_CONTEXT": "nor-this"}
    found = find_daemon(environ, tmp_path, "linux", exists=there("/var/run/docker.sock"))
    assert (found.url, found.source, found.is_chosen) == (url, "the environment variable DOCKER_HOST", True)
    assert found.tls is None


def test_the_context_of_the_environment_wins_over_the_configured_one(tmp_path: Path) -> None:
    folder = tmp_path / ".docker"
    use_context(folder, "configured")
    write_context(folder, "configured", endpoint("tcp://configured:1"))
    write_context(folder, "chosen", endpoint("unix:///chosen.sock"))
    exists = there("/var/run/docker.sock")
    assert find_daemon({}, tmp_path, "linux", exists=exists).url == "tcp://configured:1"
    found = find_daemon({"DOCKER_CONTEXT": "chosen"}, tmp_path, "linux", exists=exists)
    assert (found.url, found.context) == ("unix:///chosen.sock", "chosen")
    assert "DOCKER_CONTEXT" in found.source


def test_docker_config_moves_the_folder(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    use_context(elsewhere, "colima")
    write_context(elsewhere, "colima", endpoint("unix:///colima.sock"))
    found = find_daemon({"DOCKER_CONFIG": str(elsewhere)}, tmp_path, "darwin", exists=there())
    assert found.url == "unix:///colima.sock"
    assert str(elsewhere) in found.source


def test_an_unknown_context_is_an_error_even_when_the_default_socket_is_there(tmp_path: Path) -> None:
    use_context(tmp_path / ".docker", "gone")
    with pytest.raises(DaemonUnavailable, match="no Docker context 'gone'") as caught:
        find_daemon({}, tmp_path, "linux", exists=there("/var/run/docker.sock"))
    assert "docker context ls" in caught.value.remedy
    with pytest.raises(DaemonUnavailable, match="DOCKER_CONTEXT"):
        find_daemon({"DOCKER_CONTEXT": "unheard-of"}, tmp_path, "linux", exists=there("/var/run/docker.sock"))


@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", "[" * 100_000, {}, {"Endpoints": {}}, {"Endpoints": {"docker": {}}}, {"Endpoints": 3},
        {"Endpoints": {"docker": {"Host": 5}}},
    ],
)  # fmt: skip
def test_a_context_that_says_nothing_usable_is_an_error(tmp_path: Path, content: object) -> None:
    write_context(tmp_path / ".docker", "odd", content)
    with pytest.raises(DaemonUnavailable, match="'odd'"):
        find_daemon({"DOCKER_CONTEXT": "odd"}, tmp_path, "linux", exists=there("/var/run/docker.sock"))


def test_a_broken_configuration_file_is_an_error(tmp_path: Path) -> None:
    use_context(tmp_path / ".docker", "x")
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": ')
    with pytest.raises(DaemonUnavailable, match="configuration cannot be read") as caught:
        find_daemon({}, tmp_path, "linux", exists=there("/var/run/docker.sock"))
    assert "config.json" in caught.value.remedy


@pytest.mark.parametrize("settings", [{}, {"currentContext": ""}, {"currentContext": "default"}, {"auths": {}}])
def test_no_context_or_the_default_one_means_the_known_sockets(tmp_path: Path, settings: dict[str, object]) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps(settings))
    found = find_daemon({}, tmp_path, "linux", exists=there("/var/run/docker.sock"))
    assert (found.url, found.is_chosen, found.context) == (DEFAULT, False, None)


@pytest.mark.parametrize(
    ("platform", "path", "product"),
    [
        ("linux", "/var/run/docker.sock", "default"),
        ("darwin", "/var/run/docker.sock", "default"),
        ("darwin", "{home}/.docker/run/docker.sock", "Docker Desktop"),
        ("linux", "{home}/.docker/desktop/docker.sock", "Docker Desktop"),
        ("darwin", "{home}/.colima/default/docker.sock", "Colima"),
        ("linux", "{home}/.config/colima/default/docker.sock", "Colima"),
        ("darwin", "{home}/.rd/docker.sock", "Rancher"),
        ("darwin", "{home}/.orbstack/run/docker.sock", "OrbStack"),
        ("darwin", "{home}/.local/share/containers/podman/machine/podman.sock", "Podman machine"),
        ("linux", "/run/user/1000/docker.sock", "rootless Docker"),
        ("linux", "/run/user/1000/podman/podman.sock", "rootless Podman"),
        ("linux", "/run/podman/podman.sock", "Podman"),
    ],
)
def test_known_sockets_are_found(tmp_path: Path, platform: str, path: str, product: str) -> None:
    path = path.format(home=tmp_path.as_posix())
    found = find_daemon({"XDG_RUNTIME_DIR": "/run/user/1000"}, tmp_path, platform, exists=there(path))
    assert found.url == f"unix://{path}"
    assert found.socket_path == path
    assert product in found.source
    assert not found.is_remote


@pytest.mark.parametrize(
    ("pipe", "product"),
    [
        ("//./pipe/docker_engine", "default"),
        ("//./pipe/dockerDesktopLinuxEngine", "Docker Desktop"),
        ("//./pipe/podman-machine-default", "Podman machine"),
    ],
)
def test_windows_uses_named_pipes(tmp_path: Path, pipe: str, product: str) -> None:
    found = find_daemon({}, tmp_path, "win32", exists=there(pipe, "/var/run/docker.sock"))
    assert found.url == f"npipe://{pipe}"
    assert product in found.source
    assert found.socket_path is None
    assert not found.is_remote


def test_the_default_socket_comes_first_and_the_others_are_offered(tmp_path: Path) -> None:
    exists = there("/var/run/docker.sock", "/run/user/1000/docker.sock", "/run/podman/podman.sock")
    found = find_daemon({"XDG_RUNTIME_DIR": "/run/user/1000"}, tmp_path, "linux", exists=exists)
    assert found.url == DEFAULT
    assert found.alternatives == ("unix:///run/user/1000/docker.sock", "unix:///run/podman/podman.sock")


@pytest.mark.parametrize(("platform", "url"), [("linux", DEFAULT), ("win32", "npipe:////./pipe/docker_engine")])
def test_where_nothing_is_found_the_default_address_is_named(tmp_path: Path, platform: str, url: str) -> None:
    found = find_daemon({}, tmp_path, platform, exists=there())
    assert found == DaemonAddress(url=url, source="the default address; no known socket exists")


def test_tls_verify_takes_the_files_of_the_cert_path(tmp_path: Path) -> None:
    for file in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / file).write_text("PEM")
    environ = {"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    tls = find_daemon(environ, tmp_path / "home", "linux").tls
    assert tls is not None
    assert (tls.ca, tls.certificate, tls.key) == (tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem")
    assert tls.verify
    without = find_daemon({**environ, "DOCKER_TLS_VERIFY": "", "DOCKER_TLS": "1"}, tmp_path, "linux").tls
    assert without is not None
    assert not without.verify
    assert find_daemon({**environ, "DOCKER_TLS_VERIFY": ""}, tmp_path, "linux").tls is None
    assert find_daemon({**environ, "DOCKER_HOST": DEFAULT}, tmp_path, "linux").tls is None


def test_a_context_brings_its_own_tls_files(tmp_path: Path) -> None:
    write_context(tmp_path, "far", endpoint("tcp://far:2376", skip=True), tls=("ca.pem", "cert.pem", "key.pem"))
    found = find_daemon({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "far"}, tmp_path, "linux")
    assert found.tls is not None
    assert found.tls.key is not None
    assert found.tls.key.name == "key.pem"
    assert not found.tls.verify
    assert found.is_remote
