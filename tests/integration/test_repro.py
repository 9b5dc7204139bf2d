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
from memcap.repro.conclusion import conclusion
from memcap.repro.escalation import find_escalation
from memcap.repro.observed import Observed
from memcap.repro.reproducing import ReproRequest, Workbench, reproduce
from memcap.repro.reproduction import Reproduction

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
BY_REQUESTS = """\
import sys, time
requests = int(sys.argv[1].partition("=")[2])
def serve():
    kept = [b"x" * (1 << 20) for _ in range(requests)]
    time.sleep(0.05)
    return kept
serve()
"""
BY_KIB = """\
import sys, time
kept = bytearray(b"x" * 1024) * int(sys.argv[1])
time.sleep(0.2)
"""
Reproduce = Callable[..., Reproduction]


@pytest.fixture
def reproduced(docker_client: DockerClient, tmp_path: Path) -> Reproduce:
    """Return ``reproduce(cell, suite, options…)``: one attempt unless told, without memray's own reports."""

    def run(
        one: Cell, suite: Suite = SUITE, *, lower: bool = False, escalate: str | None = None, native: bool = False
    ) -> Reproduction:
        settings = _settings()
        escalation = find_escalation(escalate, one, time_limit_seconds=60) if escalate else None
        plan = Plan(profile="repro", cells=(one,), runs=1, warmups=0)
        ((_, layer),) = prepare_layers(docker_client, plan, {suite.name: suite}, say=lambda _: None).items()
        with DockerEngine(docker_client, campaign=settings.id) as engine:
            observed = Observed(engine)
            return reproduce(
                Workbench(
                    session=Session(observed, one, layer, settings),
                    engine=observed,
                    build=lambda tool: build_instrumented(docker_client, layer, tool, say=lambda _: None),
                ),
                named=Named(id=settings.id, started="", subject=one.id, cap_bytes=one.cap.bytes),
                wanted=ReproRequest(times=1, lower=lower, escalation=escalation, native=native, with_reports=False),
                artefacts=tmp_path,
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
    assert "rows.append(b&quot;x&quot; * (1 &lt;&lt; 20))" in page


def test_a_line_of_a_child_process(reproduced: Reproduce) -> None:
    found = reproduced(cell(("python", "-c", IN_CHILD), on="py310", cap="64m"))

    assert found.attempts[0].measurement.ending is Ending.OOM_CHILD_SWALLOWED
    assert found.flight is not None
    assert found.flight.victim is not None
    assert not found.flight.victim.main
    assert found.flight.line is not None
    assert found.flight.line.frame == Frame(file="<string>", line=5, function="work")
    assert found.flight.line.size_bytes > 30 * MIB
    assert conclusion(found).startswith("a child process was killed at 64.0 MiB")


def test_growth_a_cycle_of_a_generator(reproduced: Reproduce) -> None:
    found = reproduced(cell("held", cap="64m", mib=1))

    assert found.attempts[0].measurement.ending is Ending.OOM_KILLED
    assert found.growth is not None
    assert found.growth.bytes_per_cycle == pytest.approx(MIB, rel=0.1)
    assert 40 <= found.growth.cycles <= 64


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
    assert conclusion(killed).startswith("killed at 32.0 MiB: its process was allocate (PID ")
    assert "; needs ≥ 60." in conclusion(killed)
    assert conclusion(spared).startswith("not killed at 32.0 MiB in 1 run: at most 20.")
    assert lowered.kills == 1
    assert 18 * MIB < lowered.cap_bytes < 22 * MIB
    assert lowered.earlier[0].cap_bytes == 32 * MIB
    assert lowered.need is not None
    assert lowered.need.ending is Ending.COMPLETED


def amounts(found: Reproduction) -> list[int | float]:
    """Return the loads of all attempts in their order."""
    return [each.load.amount for each in (*found.earlier, *found.attempts) if each.load]


def test_a_command_with_a_load_that_is_raised(docker_client: DockerClient, tmp_path: Path) -> None:
    """A MiB a request: 32 of them fit under 48 MiB beside an interpreter, and 64 do not."""
    words = ["--cap", "48m", "--escalate", "requests=8", "--output", str(tmp_path), "--json", "py312", "--"]
    command = ["python", "-c", BY_REQUESTS, "--requests={requests}"]
    answer = CliRunner().invoke(cli, ["repro", *words, *command], catch_exceptions=False)
    found = json.loads(answer.stdout)

    assert answer.exit_code == 0
    assert found["load"] == {"name": "requests", "amount": 64}
    assert [each["load"]["amount"] for each in found["earlier_attempts"]] == [8, 16, 32]
    needed = [each["unreclaimable_peak_bytes"] / MIB for each in found["earlier_attempts"]]
    assert needed[2] - needed[0] == pytest.approx(24, abs=0.5)
    assert (found["kills"], len(found["attempts"])) == (3, 3)
    assert found["verdict"].startswith("killed at 48.0 MiB with requests=64 (not with 32)")
    assert "<string>:4 `kept = [" in found["verdict"]
    assert found["need"]["unreclaimable_peak_bytes"] / MIB == pytest.approx(needed[2] + 32, abs=0.5)
    assert found["again"].startswith("memcap repro --cap 48m py312 -- python -c ")
    assert found["again"].endswith(" --requests=64")
    assert "\n--escalate requests=64\n" in (tmp_path / "README.md").read_text(), "the command has several lines"


def test_a_cell_with_a_load_that_is_raised(reproduced: Reproduce) -> None:
    """With 4 MiB a cycle, 8 of them fit under 64 MiB beside the interpreter, and 16 do not."""
    by_cycles = reproduced(cell("held", cap="64m", mib=4, cycle_count=2), escalate="cycles")
    by_size = reproduced(cell("allocate", cap="64m", mib=16), escalate="mib")

    assert amounts(by_cycles) == [2, 4, 8, 16]
    assert by_cycles.kills == 1
    assert conclusion(by_cycles).startswith("killed at 64.0 MiB with cycles=16 (not with 8)")
    assert by_cycles.need is not None
    assert by_cycles.need.ending is Ending.COMPLETED
    assert amounts(by_size) == [16, 32, 64]
    assert by_size.kills == 1


def test_the_load_that_would_be_killed_is_estimated_where_the_need_grows(reproduced: Reproduce) -> None:
    """A KiB a unit, and the largest load is 2048 times the first: 16 MiB."""
    found = reproduced(cell(("python", "-c", BY_KIB, "{kib}"), cap="64m"), escalate="kib=8")

    assert amounts(found) == [8 * 2**step for step in range(12)]
    assert found.kills == 0
    assert found.estimated_load is not None
    base = found.loads_survived[0][1]
    assert found.estimated_load.amount == pytest.approx((64 * MIB - base) / 1024, rel=0.05)
    told = f"; by its growth it would be killed with about kib={found.estimated_load.amount} (an estimate)"
    assert conclusion(found).endswith(told)


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
    assert conclusion(found).startswith('killed at 48.0 MiB while in <string>:4 `rows.append(b"x" * (1 << 20))`: ')
