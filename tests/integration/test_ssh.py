"""A daemon behind ssh, reached as the docker command reaches it: DOCKER_HOST=ssh:// and a context of that kind."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT
from integration.promises import require

from memcap.engine.docker_client import address

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@pytest.fixture
def home_with_ssh(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Yield a home folder whose ssh may log in to a server of this test, and the address of the daemon behind it."""
    missing = " and ".join(name for name in (SSHD, "ssh", "docker") if shutil.which(name) is None)
    require("ssh", available=not missing, reason=f"there is no {missing} (Debian: openssh-server, docker-cli)")
    if address().socket_path is None:
        pytest.skip(f"the ssh server of this test leads to this machine's daemon, not to {address().url}")
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (keys / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys / 'host'}\nAuthorizedKeysFile {keys / 'user.pub'}\n"
        f"PidFile {keys / 'pid'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    # ssh takes its configuration from the real home folder, so it is told apart by a program of the same name.
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ssh").write_text(
        f"#!/bin/sh\nexec {shutil.which('ssh')} -i {keys / 'user'} -o StrictHostKeyChecking=no "
        f'-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n'
    )
    (programs / "ssh").chmod(0o755)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(keys / "sshd_config")], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield tmp_path, f"ssh://{getpass.getuser()}@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with closing(socket.socket()) as knocker:
            if knocker.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("sshd did not start")


def memcap(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "memcap", *arguments],
        cwd=ROOT,
        env=inherited | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_measure_over_ssh(home_with_ssh: tuple[Path, str]) -> None:
    home, url = home_with_ssh
    arguments = ("measure", "py312", "--cap", "64m", "--runs", "1", "--json", "--", "python", "-c", "pass")

    measured = memcap(home, *arguments, DOCKER_HOST=url)

    assert measured.returncode == 0, measured.stderr
    assert json.loads(measured.stdout)["cells"][0]["runs"][0]["ending"] == "completed"


@pytest.mark.parametrize("option", [("-v", "{}:/data/there"), ("--mount", "type=bind,source={},target=/data/there")])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_mounts_are_copied_over_ssh(
    docker_client: DockerClient, home_with_ssh: tuple[Path, str], option: tuple[str, str], kind: str
) -> None:
    home, url = home_with_ssh
    source, name = home / "given", "" if kind == "file" else "/inner/file"
    (home / f"given{name}").parent.mkdir(parents=True, exist_ok=True)
    (home / f"given{name}").write_text("from here", encoding="utf-8")
    token = uuid.uuid4().hex
    program = (
        f"""path = "/data/there{name}"; assert open(path).read() == "from here"; open(path, "w").write("{token}")"""
    )
    mount = (option[0], option[1].format(source))
    arguments = ("measure", "py312", *mount, "--cap", "64m", "--runs", "1", "--", "python", "-c", program)
    volumes = {volume.id for volume in docker_client.volumes.list()}

    measured = memcap(home, *arguments, DOCKER_HOST=url)

    assert measured.returncode == 0, measured.stderr
    assert f"{source} is copied into each container, not mounted" in measured.stderr
    assert (home / f"given{name}").read_text(encoding="utf-8") == "from here", "it is a copy"
    containers = docker_client.containers.list(all=True, ignore_removed=True)
    assert not [container.name for container in containers if token in str(container.attrs)]
    mounts = [mount for container in containers for mount in container.attrs["Mounts"]]
    of_others = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
    assert {volume.id for volume in docker_client.volumes.list()} <= volumes | of_others


def test_context_over_ssh(home_with_ssh: tuple[Path, str]) -> None:
    home, url = home_with_ssh
    settings = home / "docker"
    folder = settings / "contexts" / "meta" / hashlib.sha256(b"far").hexdigest()
    folder.mkdir(parents=True)
    (settings / "config.json").write_text(json.dumps({"currentContext": "far"}))
    endpoint = {"Name": "far", "Metadata": {}, "Endpoints": {"docker": {"Host": url, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(endpoint))

    found = memcap(home, "doctor", "--json", DOCKER_CONFIG=str(settings))

    assert found.returncode == 0, found.stderr
    assert url in found.stdout
    assert "far" in found.stdout
