"""The suite services with the packages that it pins: the shop answers, and each of its leaks keeps what it should.

The layer, some seconds to make where it is new, stays: users of the suite want it too.
"""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from integration.measuring import build_image

from memcap.cli import cli
from memcap.images.layer import build_layer
from memcap.model import ImageSource, Suite

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "suites" / "services"
PROGRAM = (Path(__file__).parent / "programs" / "visit_shop.py").read_text()
IMAGES = ["py310", "py312"]
SIZE = 16 * 1024


@pytest.fixture(scope="module", params=IMAGES)
def visit(request: pytest.FixtureRequest, docker_client: DockerClient) -> dict[str, Any]:
    """Return what the application answered in a container, and how much each leak kept of a request."""
    source = ImageSource(name=request.param, directory=ROOT / "images" / request.param)
    facts = build_image(docker_client, source, say=lambda _: None)
    suite = Suite(
        name="services",
        directory=SUITE,
        description="",
        benchmarks=(),
        requirements=SUITE / "requirements.txt",
    )
    layer = build_layer(docker_client, facts, suite, say=lambda _: None)
    output: bytes = docker_client.containers.run(
        layer.id,
        entrypoint=["python", "-c", PROGRAM],
        environment={"PYTHONPATH": ":".join(map(str, layer.search_path))},
        network_mode="none",
        mem_limit="256m",
        labels={"memcap": "1"},
        remove=True,
    )
    visited: dict[str, Any] = json.loads(output)
    return visited


def test_every_endpoint_answers(visit: dict[str, Any]) -> None:
    answers = {name: json.loads(text) for name, (status, text) in visit["answers"].items() if status < 400}
    assert answers["health"] == {"status": "ok"}
    assert answers["item"]["id"] == 5
    assert len(answers["item"]["related"]) == 5
    assert [item["id"] for item in answers["page"]["items"]] == list(range(21, 41))
    assert answers["no_page"]["items"] == []
    assert answers["cart"] == {"customer": 7}
    assert "collected" in answers["collect"]


def test_an_order_has_what_was_in_the_cart_which_is_empty_then(visit: dict[str, Any]) -> None:
    first, second = (json.loads(visit["answers"][name][1]) for name in ("order", "next_order"))
    assert [(line["item"], line["count"]) for line in first["lines"]] == [(3, 2), (4, 1)]
    assert [(line["item"], line["count"]) for line in second["lines"]] == [(3, 2)]
    report = json.loads(visit["answers"]["report"][1])
    assert sum(row["items"] for row in report.values()) == 1000
    assert sum(row["ordered"] for row in report.values()) == 5
    assert sum(row["cents"] for row in report.values()) == first["cents"] + second["cents"]


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("no_item", 404, "no item 1001"),
        ("not_sold", 404, "no item 1001"),
        ("bad_page", 422, "page is a number"),
        ("bad_purchase", 422, "customer, item and count"),
        ("too_many", 422, "from 1 to 100"),
    ],
)
def test_a_bad_request_is_refused(visit: dict[str, Any], name: str, status: int, words: str) -> None:
    answered, text = visit["answers"][name]
    assert answered == status
    assert words in text


def test_the_shop_itself_keeps_nothing(visit: dict[str, Any]) -> None:
    assert all(abs(kept) < SIZE / 100 for kept in visit["leaks"][""].values())


@pytest.mark.parametrize("leak", ["requests", "sessions"])
def test_what_memcap_asks_for_by_itself_leaks_nothing(visit: dict[str, Any], leak: str) -> None:
    assert abs(visit["leaks"][leak]["health"]) < SIZE / 50


@pytest.mark.parametrize(
    ("leak", "unit", "overhead"),
    [("requests", "request", 41), ("connections", "connection", 41), ("sessions", "request", 6000)],
)
def test_a_leak_keeps_what_it_is_known_to_keep(visit: dict[str, Any], leak: str, unit: str, overhead: int) -> None:
    """The overhead is that of a bytes object in a list, or of a session, whose objects are larger on 3.10."""
    assert visit["leaks"][leak][unit] == pytest.approx(SIZE + overhead, rel=0.02)


def measured(benchmark: str, result: Path) -> dict[str, Any]:
    """Return one run of a benchmark as ``--json`` has it."""
    selection = [f"services.{benchmark}", "--profile", "full", "--image", "py312", "--runs", "1", "--warmups", "0"]
    done = CliRunner().invoke(
        cli, ["run", *selection, "--project", str(ROOT), "--output", str(result), "--no-check", "--json"]
    )
    assert done.exit_code == 0, done.output
    (cell,) = json.loads(done.stdout)["cells"]
    run: dict[str, Any] = cell["runs"][0]
    return run


@pytest.mark.parametrize(
    ("benchmark", "unit"), [("leak_requests", "requests"), ("leak_connections", "connections_opened")]
)
def test_what_a_leak_keeps_is_the_slope_over_the_levels(tmp_path: Path, benchmark: str, unit: str) -> None:
    phases = measured(benchmark, tmp_path / "result.json")["phases"]
    counts = list(accumulate(phase[unit] for phase in phases if phase["name"] == "load"))
    rests = [phase["settled_bytes"] for phase in phases if phase["name"] == "idle"]
    assert len(rests) == 3
    assert (rests[-1] - rests[0]) / (counts[-1] - counts[0]) == pytest.approx(SIZE, rel=0.02)


def test_a_twin_is_killed_during_the_load(tmp_path: Path) -> None:
    run = measured("leak_connections_twin", tmp_path / "result.json")
    assert run["ending"] == "oom_killed"
    assert run["phases"][-1]["name"] == "load"
