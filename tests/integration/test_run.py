"""`memcap run` and `memcap measure` as a user calls them: from a project folder, in a process of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

LIMITS = """
[caps]
128m = "128MiB"

[profiles.quick]
runs = 2
warmups = 1

[tolerances.unreclaimable_peak]
relative = "5%"
absolute = "1MiB"

[time_limits]
run = "60s"

[judge]
minimum_runs = 2
"""

SUITE = """
[suite]
description = "two small workloads"

[benchmarks.hold]
call = "work:hold"
parameters = { mib = 16 }
caps = ["128m"]

[benchmarks.pause]
call = "work:pause"
parameters = { seconds = 0.2 }
caps = ["128m"]
"""

WORK = """
import time

def hold(mib):
    data = b"x" * (mib << 20)
    time.sleep(0.1)
    return {"bytes": len(data)}

def pause(seconds):
    time.sleep(seconds)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "images" / "py312", tmp_path / "images" / "py312")
    (tmp_path / "limits.toml").write_text(LIMITS)
    suite = tmp_path / "suites" / "small"
    suite.mkdir(parents=True)
    (suite / "suite.toml").write_text(SUITE)
    (suite / "work.py").write_text(WORK)
    return tmp_path


def memcap(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memcap", *arguments],
        cwd=project,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def containers(client: DockerClient, campaign: str) -> list[str]:
    return [
        str(each.name) for each in client.containers.list(all=True, filters={"label": f"memcap.campaign={campaign}"})
    ]


def only_result(project: Path) -> Path:
    (path,) = (project / "results").glob("*.json")
    return path


def test_run_accept_check_and_a_regression(docker_client: DockerClient, project: Path) -> None:
    first = memcap(project, "run", "--runs", "6")
    assert first.returncode == 0, first.stderr
    assert "2 new" in first.stdout
    path = only_result(project)
    assert containers(docker_client, path.stem) == []

    shown = subprocess.run(
        [sys.executable, "-m", "pyperf", "show", str(path)], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert "small.hold-py312-128m/peak" in shown.stdout

    accepted = memcap(project, "baseline", "accept")
    assert accepted.returncode == 0, accepted.stderr
    assert (project / "results" / "baselines" / "small.json").is_file()
    again = memcap(project, "check", str(path))
    assert again.returncode == 0, again.stderr
    assert "2 unchanged" in again.stdout

    suite = project / "suites" / "small" / "suite.toml"
    suite.write_text(SUITE.replace("mib = 16", "mib = 24"))
    worse = memcap(project, "run", "--runs", "6", "--json")
    assert worse.returncode == 99, worse.stderr
    verdicts = {cell["id"]: cell["verdict"] for cell in json.loads(worse.stdout)["cells"]}
    assert verdicts == {"small.hold-py312-128m": "regressed", "small.pause-py312-128m": "unchanged"}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_and_resumed(docker_client: DockerClient, project: Path, stop: signal.Signals) -> None:
    suite = project / "suites" / "small" / "suite.toml"
    suite.write_text(SUITE.replace("seconds = 0.2", "seconds = 30.0"))
    running = subprocess.Popen(
        [sys.executable, "-m", "memcap", "run"], cwd=project, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:  # the first cell is finished, the second sleeps
        if "small.hold-py312-128m" in line:
            break
    time.sleep(1)
    running.send_signal(stop)
    _, rest = running.communicate(timeout=30)

    assert running.returncode == 130
    path = only_result(project)
    assert f"memcap run --resume {path}" in rest
    assert containers(docker_client, path.stem) == []

    suite.write_text(SUITE)
    stored = path.read_text()
    path.write_text(re.sub(r"memcap/py312:\w+", "memcap/py312:other", stored))
    refused = memcap(project, "run", "--resume", str(path))
    assert refused.returncode == 2, refused.stderr
    assert "py312 was memcap/py312:other" in refused.stderr
    path.write_text(stored)
    resumed = memcap(project, "run", "--resume", str(path))
    assert resumed.returncode == 0, resumed.stderr
    assert "small.hold" not in resumed.stderr, "what is finished is not measured again"
    assert {cell["cell"]["id"] for cell in json.loads(path.read_text())["memcap"]["cells"]} == {
        "small.hold-py312-128m",
        "small.pause-py312-128m",
    }


def test_when_the_time_is_up_what_is_finished_is_judged_and_the_rest_is_measured_later(
    docker_client: DockerClient, project: Path
) -> None:
    began = time.monotonic()
    first = memcap(project, "run", "small.hold", "--output", "first.json")
    assert first.returncode == 0, first.stderr
    enough = 2 * (time.monotonic() - began) + 5  # for as much once more; what comes then takes a minute a run
    suite = project / "suites" / "small" / "suite.toml"
    suite.write_text(SUITE.replace("seconds = 0.2", "seconds = 600"))

    stopped = memcap(project, "run", "--within", f"{enough:.0f}s")

    assert stopped.returncode == 27, stopped.stderr
    path = only_result(project)
    assert "not measured: small.pause-py312-128m. Kept: 2 runs (1 of 2 cells finished)" in stopped.stderr
    assert f"memcap run --resume {path}" in stopped.stderr
    assert "1 new, 1 not measured" in stopped.stdout
    assert containers(docker_client, path.stem) == []

    suite.write_text(SUITE)
    resumed = memcap(project, "run", "--resume", str(path), "--within", "10min")
    assert resumed.returncode == 0, resumed.stderr
    assert "small.hold" not in resumed.stderr, "what is finished is not measured again"
    assert "2 new" in resumed.stdout
    again = json.loads(path.read_text(encoding="utf-8"))["memcap"]["command"]
    assert again == ["memcap", "run", "--within", f"{enough:.0f}s"], "what measures all of it again"


def test_function_that_raises_is_a_stored_result(docker_client: DockerClient, project: Path) -> None:
    (project / "suites" / "small" / "work.py").write_text(WORK.replace("time.sleep(seconds)", "raise OSError('boom')"))

    ended = memcap(project, "run", "small.pause")

    assert ended.returncode == 96, ended.stderr
    assert "boom" in ended.stdout
    assert only_result(project).is_file()


def test_measure_prints_the_documented_json(docker_client: DockerClient, project: Path) -> None:
    code = "b = b'x' * (32 << 20)"
    arguments = ("measure", "py312", "--cap", "128m", "--runs", "2", "--json", "--", "python", "-c", code)

    measured = memcap(project, *arguments)

    assert measured.returncode == 0, measured.stderr
    (cell,) = json.loads(measured.stdout)["cells"]
    assert cell["cap_bytes"] == 128 << 20
    assert [run["ending"] for run in cell["runs"]] == ["completed", "completed"]
    assert set(cell["runs"][0]) == {
        "ending", "exit_code", "signal", "oom_kills", "peak_bytes", "unreclaimable_peak_bytes",
        "unreclaimable_peak_low_bytes", "unreclaimable_peak_high_bytes", "rss_peak_bytes",
        "floor_bytes", "wall_seconds", "cpu_seconds", "output", "caveats",
    }  # fmt: skip
    assert cell["summary"]["peak"]["n"] == 2
    assert cell["summary"]["peak"]["median"] > 32 << 20


def test_measure_under_a_cap_that_is_too_small_says_so(docker_client: DockerClient, project: Path) -> None:
    code = "b = b'x' * (128 << 20)"

    ended = memcap(project, "measure", "py312", "--cap", "64m", "--runs", "1", "--", "python", "-c", code)

    assert ended.returncode == 97, ended.stderr
    assert "the kernel killed the main process at the cap" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "nothing_like_it"), 12, "there is no suite 'nothing_like_it'"),
        (("run", "--image", "memcap/no_such_image:1"), 22, "memcap/no_such_image:1"),
        (("measure", "py312", "--cap", "128", "--", "true"), 11, "has no unit"),
        (("measure", "py312", "--cap", "900g", "--", "true"), 24, "more than the"),
        (("measure", "py312", "--env", "NAME", "--", "true"), 2, "NAME=VALUE"),
        (("run", "--resume", "limits.toml"), 13, "not JSON"),
    ],
)
def test_bad_input(
    docker_client: DockerClient, project: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    refused = memcap(project, *arguments)

    assert refused.returncode == code, refused.stderr
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (project / "results").exists()


def test_no_daemon(project: Path) -> None:
    refused = memcap(project, "run", DOCKER_HOST="unix:///nowhere/docker.sock")

    assert refused.returncode == 20
    assert "DOCKER_HOST" in refused.stderr
    assert "Traceback" not in refused.stderr
