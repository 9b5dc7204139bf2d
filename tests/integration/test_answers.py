"""The first line of `memcap measure` is the answer, whatever became of the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT, scaled

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

LIMIT_SECONDS = 4 if scaled(1) == 1 else 120  # a busy emulated processor starts Python in a minute
NEED = r"(\d+\.\d)\b.* MiB.* \(cap 64\.0 MiB\)"  # it may be an interval, with a reason
ENDINGS = {
    "completed": (
        ["python", "-c", "x = b'x' * (32 << 20)"],
        0,
        rf"Both runs ended as expected\. Peak unreclaimable memory: {NEED}\.",
    ),
    "killed": (
        ["python", "-c", "x = b'x' * (128 << 20)"],
        97,
        r"In both runs the kernel killed the main process at the cap .*\(exit code 97\)",
    ),
    "timed out": (
        ["python", "-c", "import time; x = b'x' * (32 << 20); time.sleep(180)"],
        96,
        rf"In both runs the time limit ended the workload .* memory until then: {NEED}\. \(exit code 96\)",
    ),
    "missing": (
        ["pythn", "-c", "1"],
        96,
        r"In both runs .*pythn.*\. \(exit code 96\)",
    ),
}


def measure(*words: str, columns: int = 300) -> subprocess.CompletedProcess[str]:
    options = ("--cap", "64m", "--runs", "2", "--warmups", "0", "--time-limit", f"{LIMIT_SECONDS}s")
    return subprocess.run(
        [sys.executable, "-m", "memcap", "measure", "py312", *options, *words],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ENDINGS)
def test_the_first_line_is_the_answer(docker_client: DockerClient, name: str) -> None:
    argv, code, first = ENDINGS[name]

    ended = measure("--", *argv)

    assert ended.returncode == code, ended.stderr
    answer, _, second, *_ = lines = ended.stdout.splitlines()
    found = re.fullmatch(first, answer)
    assert found, ended.stdout
    assert second.startswith("Next: ") == bool(code), "what to do comes next"
    figures = next(number for number, line in enumerate(lines) if line.startswith("cell "))
    assert not any("caveat" in line for line in lines[:figures]), "no doubt stands before the figures"
    if found.groups():
        assert 32 < float(found[1]) < 40, "a program of 32 MiB was measured, also where it was ended"


def test_figures_of_a_program_that_was_ended_are_in_the_table_and_in_json(docker_client: DockerClient) -> None:
    argv = ENDINGS["timed out"][0]
    text, document = measure("--", *argv), measure("--json", "--", *argv)
    assert re.search(r"≥ 3\d\.\d MiB +≥ 3\d\.\d MiB .*timed_out", text.stdout), text.stdout
    (cell,) = json.loads(document.stdout)["cells"]
    assert cell["summary"] == {}
    assert cell["until_end"]["unreclaimable_peak"]["n"] == 2
    assert cell["until_end"]["unreclaimable_peak"]["min"] > 32 << 20


def test_output_of_a_completed_run_is_shown_on_request(docker_client: DockerClient) -> None:
    words = ("--", "python", "-c", "print('the sum is', 3 + 4)")
    assert "the sum is" not in measure(*words).stdout
    shown = measure("--show-output", *words)
    assert "run 2 of 2 (completed):\n    | the sum is 7\n" in shown.stdout
    assert json.loads(measure("--show-output", "--json", *words).stdout)["cells"][0]["runs"][0]["output"]


def test_it_fits_a_narrow_terminal(docker_client: DockerClient) -> None:
    narrow = measure("--", *ENDINGS["killed"][0], columns=60).stdout
    assert max(map(len, narrow.splitlines())) <= 60
