"""The suite realworld with the packages that it pins: all of its workloads in one container, and twins that are killed.

The layer, 20 to 30 s to make where it is new, stays: users of the suite want it too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from integration.measuring import build_image
from realworld_small import BENCHMARKS, SMALL, SUITE, check_answers, small_parameters

from memcap.cli import cli
from memcap.images.layer import build_layer
from memcap.model import Ending, ImageSource, Suite

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "py312"
PROGRAM = """
import importlib, json, sys
sys.path[:0] = sys.argv[2:]
answers = {}
for name, call, parameters in json.loads(sys.argv[1]):
    module, function = call.split(":")
    run = getattr(importlib.import_module(module), function)
    answers[name] = [run(**parameters), run(**parameters, keep_all=True)]
print(json.dumps(answers))
"""


def test_every_workload_answers_as_on_every_python_and_its_mistake_keeps_more(docker_client: DockerClient) -> None:
    facts = build_image(docker_client, ImageSource(name=IMAGE, directory=ROOT / "images" / IMAGE), say=lambda _: None)
    suite = Suite(
        name="realworld",
        directory=SUITE,
        description="",
        benchmarks=(),
        requirements=SUITE / "requirements.txt",
    )
    layer = build_layer(docker_client, facts, suite, say=lambda _: None)
    work = [(name, BENCHMARKS[name]["call"], small_parameters(name)) for name in SMALL]
    output: bytes = docker_client.containers.run(
        layer.id,
        entrypoint=["python", "-c", PROGRAM, json.dumps(work), *map(str, layer.search_path)],
        network_mode="none",
        mem_limit="256m",
        labels={"memcap": "1"},
        remove=True,
    )
    for name, (plain, keeping) in json.loads(output).items():
        check_answers(name, plain, keeping)


@pytest.mark.parametrize("twin", ["thread_pool_twin", "process_pool_fork_twin"])
def test_a_twin_is_killed_at_its_cap(tmp_path: Path, twin: str) -> None:
    """A killed thread and a killed worker; the full profile has all twins."""
    result = tmp_path / "result.json"
    selection = [f"realworld.{twin}", "--profile", "full", "--image", IMAGE, "--runs", "1", "--warmups", "0"]
    done = CliRunner().invoke(
        cli, ["run", *selection, "--project", str(ROOT), "--output", str(result), "--no-check", "--json"]
    )
    assert done.exit_code == 0, done.output
    (cell,) = json.loads(done.stdout)["cells"]
    assert cell["runs"][0]["ending"] == BENCHMARKS[twin]["expect"]
    assert Ending(cell["runs"][0]["ending"]).is_oom
