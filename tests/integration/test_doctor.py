"""`memcap doctor` on this machine's daemon, and where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memcap.engine.docker_client import address
from memcap.engine.docker_facts import gather

if TYPE_CHECKING:
    from docker import DockerClient


def memcap_doctor(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "memcap", "doctor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )


@pytest.mark.docker
def test_the_table_fits_a_terminal_and_the_exit_code_follows(docker_client: DockerClient) -> None:
    done = memcap_doctor()
    assert done.stdout.count("\n") > 15
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    assert str(docker_client.version()["Version"]) in done.stdout
    has_problem = any(line.startswith("problem ") for line in done.stdout.splitlines())
    assert done.returncode == (26 if has_problem else 0), done.stderr


@pytest.mark.docker
def test_json_holds_the_daemons_facts(docker_client: DockerClient) -> None:
    answer = json.loads(memcap_doctor("--json").stdout)
    info = docker_client.info()
    assert answer["schema"] == 1
    assert answer["daemon"]["environment"]["memory_bytes"] == info["MemTotal"]
    assert answer["daemon"]["storage_driver"] == info["Driver"]
    assert answer["daemon"]["address"]["url"] == address().url
    assert {"daemon", "caps", "swap", "peak", "clock", "leftovers"} <= {one["subject"] for one in answer["findings"]}


@pytest.mark.docker
def test_looking_leaves_nothing_behind(docker_client: DockerClient) -> None:
    facts = gather(docker_client, address())
    ours = docker_client.containers.list(all=True, filters={"label": ["memcap=1", "memcap.campaign=doctor"]})
    assert [one.name for one in ours] == []
    assert facts.kernel is None or facts.kernel.memory_available_bytes is not None


def test_without_a_daemon_the_exit_code_is_20_and_the_remedy_is_printed(tmp_path: Path) -> None:
    done = memcap_doctor(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 20
    assert "problem  daemon" in done.stdout
    assert "there is no such socket" in done.stderr
    assert "DOCKER_HOST" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_context_is_said_loudly(tmp_path: Path) -> None:
    done = memcap_doctor("--json", DOCKER_CONTEXT="unheard-of", DOCKER_CONFIG=str(tmp_path), DOCKER_HOST="")
    assert done.returncode == 20
    answer = json.loads(done.stdout)
    assert answer["daemon"] is None
    assert "unheard-of" in answer["findings"][-1]["what"]
    assert "docker context ls" in done.stderr
