"""The line that is to blame is known beforehand: in the main process, in a child, in C; and where there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from integration.measuring import ROOT, SUITE, _settings, cell
from integration.promises import require
from integration.test_image_zoo import compiled, zoo  # noqa: F401 - fixtures
from integration.test_profile import add_libraries

from memcap.cli import cli
from memcap.config import load_config
from memcap.engine.docker import DockerEngine
from memcap.images.archive import Tree
from memcap.images.instrumented import build_instrumented
from memcap.images.prepare import prepare_layers
from memcap.instruments.profiling import Named
from memcap.instruments.session import Session
from memcap.model import Cell, Ending, Frame, Plan, Suite
from memcap.repro.observed import Observed
from memcap.repro.parts import Reproduction
from memcap.repro.reproducing import Wanted, reproduce
from memcap.repro.verdict import verdict

if TYPE_CHECKING:
    from docker import DockerClient
    from integration.test_image_zoo import Zoo

pytestmark = pytest.mark.docker
MIB = 1024 * 1024

# Each holds a MiB more every few milliseconds, for ever.
IN_MAIN = """\
import time
rows = []
def parse():
    rows.append(b"x" * (1 << 20))
while True:
    parse()
    time.sleep(0.003)
"""
IN_CHILD = """\
import multiprocessing, time
def work():
    kept = []
    while True:
        kept.append(bytearray(1 << 20))
        time.sleep(0.003)
kept = bytearray(8 << 20)
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
"""
IN_NUMPY = """\
import numpy, time
arrays = []
def load():
    arrays.append(numpy.ones(1 << 17))
while True:
    load()
    time.sleep(0.003)
"""
Reproduce = Callable[..., Reproduction]


@pytest.fixture
def reproduced(docker_client: DockerClient, tmp_path: Path) -> Reproduce:
    """Return ``reproduce(cell, suite, options…)``: one attempt unless told, without memray's own reports."""

    def run(one: Cell, suite: Suite = SUITE, *, lower: bool = False, native: bool = False) -> Reproduction:
        settings = _settings()
        plan = Plan(profile="repro", cells=(one,), runs=1, warmups=0)
        ((_, layer),) = prepare_layers(docker_client, plan, {suite.name: suite}, say=lambda _: None).items()
        with DockerEngine(docker_client, campaign=settings.id) as engine:
            observed = Observed(engine)
            return reproduce(
                Session(observed, one, layer, settings),
                observed,
                lambda tool: build_instrumented(docker_client, layer, tool, say=lambda _: None),
                named=Named(id=settings.id, started="", subject=one.id, cap_bytes=one.cap.bytes),
                image=one.image.name,
                wanted=Wanted(times=1, lower=lower, native=native, with_reports=False),
                artefacts=tmp_path,
                say=lambda _: None,
            )

    return run


def test_a_line_of_the_main_process_and_all_that_is_left_of_it(docker_client: DockerClient, tmp_path: Path) -> None:
    folder = tmp_path / "found"
    words = ["--cap", "64m", "--attempts", "2", "--output", str(folder), "--json", "py313", "--", "python", "-c"]
    answer = CliRunner().invoke(cli, ["repro", *words, IN_MAIN], catch_exceptions=False)
    found = json.loads(answer.stdout)

    assert answer.exit_code == 0
    assert found["reproduced"]
    assert found["kills"] == 2
    top = found["top_sites"][0]
    assert (top["file"], top["line"], top["function"]) == ("<string>", 4, "parse")
    assert top["text"] == 'rows.append(b"x" * (1 << 20))'
    assert 45 * MIB <= top["size_bytes"] <= 66 * MIB
    assert found["verdict"].startswith('killed at 64.0 MiB while in <string>:4 `rows.append(b"x" * (1 << 20))`: ')
    assert found["verdict"].endswith("needs more than 256.0 MiB or a bounded buffer")
    (stacks,) = found["stacks"]
    assert stacks["used_bytes"] > 0.5 * stacks["cap_bytes"]  # how near to the kill is a matter of time
    assert [thread["name"] for thread in stacks["threads"]] == ["MainThread"]
    assert stacks["threads"][0]["frames"][-1]["function"] == "<module>"
    (state,) = found["states"]
    assert state["objects"] > 1000
    assert {name for name in found["artefacts"] if not (folder / name).is_file()} == set()
    assert {"README.md", "index.html", "repro.json", "profile.json", "stacks.txt"} <= set(found["artefacts"])
    assert any(name.endswith("flamegraph.html") for name in found["artefacts"])
    page = (folder / "index.html").read_text()
    assert 'src="http' not in page
    assert "rows.append(b&#34;x&#34; * (1 &lt;&lt; 20))" in page


def test_a_line_of_a_child_process(reproduced: Reproduce) -> None:
    found = reproduced(cell(("python", "-c", IN_CHILD), on="py310", cap="64m"))

    assert found.attempts[0].measurement.ending is Ending.OOM_CHILD_SWALLOWED
    assert found.flight is not None
    assert found.flight.victim is not None
    assert not found.flight.victim.main
    assert found.flight.line is not None
    assert found.flight.line.frame == Frame(file="<string>", line=5, function="work")
    assert found.flight.line.size_bytes > 30 * MIB
    assert verdict(found).startswith("a child process was killed at 64.0 MiB")


def test_a_line_that_calls_compiled_code(reproduced: Reproduce) -> None:
    agents = load_config(ROOT).suites["agents"]
    one = cell(("python", "-c", IN_NUMPY), on="py311", cap="64m")
    found = reproduced(replace(one, benchmark=replace(one.benchmark, suite="agents")), agents, native=True)

    assert found.attempts[0].measurement.ending is Ending.OOM_KILLED
    assert found.flight is not None
    assert found.flight.line is not None
    assert found.flight.line.frame == Frame(file="<string>", line=4, function="load")
    assert found.flight.line.size_bytes > 20 * MIB
    assert any(frame.native for frame in found.flight.line.inside), found.flight.line.inside


def test_a_command_that_is_no_python(reproduced: Reproduce, zoo: Zoo, compiled: Callable[..., Path]) -> None:  # noqa: F811
    tree = Tree()
    tree.add_file("allocate", compiled("gcc", "-static"), executable=True)
    reference = zoo.imported(tree)
    killed = reproduced(zoo.cell(reference, ("/allocate", "60"), cap="32m"))
    spared = reproduced(zoo.cell(reference, ("/allocate", "20"), cap="32m"))
    lowered = reproduced(zoo.cell(reference, ("/allocate", "20"), cap="32m"), lower=True)

    assert killed.flight is None
    assert "has no Python" in killed.not_recorded
    assert verdict(killed).startswith("killed at 32.0 MiB: its process was allocate (PID ")
    assert "; needs ≥ 60." in verdict(killed)
    assert verdict(spared).startswith("not killed at 32.0 MiB in 1 run: at most 20.")
    assert lowered.kills == 1
    assert 18 * MIB < lowered.cap_bytes < 22 * MIB
    assert lowered.earlier[0].cap_bytes == 32 * MIB
    assert lowered.need is not None
    assert lowered.need.ending is Ending.COMPLETED


def test_a_line_in_an_image_of_somebody_else(reproduced: Reproduce, zoo: Zoo) -> None:  # noqa: F811
    """Debian's own Python, in a container of a user without a name."""
    python = Path("/usr/bin/python3").resolve()
    library = Path("/usr/lib") / python.name
    require("debian-python", available=(library / "os.py").exists() and sys.platform == "linux")
    tree = Tree()
    tree.add_file(f"usr/bin/{python.name}", python, executable=True)
    tree.add_link("usr/bin/python3", python.name)
    for file in library.rglob("*"):
        if file.is_file() and not {"test", "tests", "__pycache__"} & set(file.parts):
            tree.add_file(file.as_posix().lstrip("/"), file)
    add_libraries(tree, python, *library.glob("lib-dynload/*.so"))
    reference = zoo.imported(tree, "ENV PATH=/usr/bin", "USER 4242")
    found = reproduced(zoo.cell(reference, ("python3", "-c", IN_MAIN), cap="48m"))

    assert found.kills == 1
    assert found.flight is not None, found.not_recorded
    assert verdict(found).startswith('killed at 48.0 MiB while in <string>:4 `rows.append(b"x" * (1 << 20))`: ')
