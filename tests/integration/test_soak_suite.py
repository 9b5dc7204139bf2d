"""The suite soak as its users soak it: each twin is found with its line, and a cache that fills is none.

All soaks run at once, so this takes two to three minutes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from integration.measuring import ROOT, build_image, scaled
from integration.soak_clients import SoakClients, report
from soak_laboratory.twins import IN_CONTAINER, marked

from memcap.images.layer import build_layer
from memcap.model import ImageSource, Suite

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

SUITE = ROOT / "suites" / "soak"
PROGRAM = (Path(__file__).parent / "programs" / "visit_chat.py").read_text()
JUDGED = ("--duration", "100s", "--rate", "16", "--interval", "10s")  # 27 simulated minutes
TRACED = ("--duration", "60s", "--rate", "4", "--interval", "10s", "--tracemalloc", "--frames", "1")
LEAST_KEPT = 1 << 20  # bytes; most lines of the service and its packages hold less


@dataclass(frozen=True, kw_only=True)
class Twin:
    """A twin: the soak that names the line, and under which name its report has lines.

    tracemalloc's own lists take more memory than a twin keeps in so short a soak. So it is judged by another soak.
    """

    traced: str
    sites: str = "top_allocations"


TWINS = {
    "generators": Twin(traced="lines_generators"),
    "contexts": Twin(traced="lines_contexts"),
    "scores": Twin(traced="lines_scores"),
    "listeners": Twin(traced="lines_listeners"),
    "native": Twin(traced="leak_native", sites="living_allocations"),  # memray looks at a run beside the soak
}


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory, docker_client: DockerClient) -> dict[str, Any]:
    """Return the reports of all twins, and of the service with a larger cache, which are soaked at once."""
    clients, folder = SoakClients(ROOT), tmp_path_factory.mktemp("soaks")
    orders: dict[str, tuple[str, ...]] = {"chat_filling": ("soak.chat_filling-py312-256m", *JUDGED)}
    for name, twin in TWINS.items():
        cell = f"soak.leak_{name}-py312-256m"
        orders[f"leak_{name}"] = (cell, *JUDGED, *(("--memray",) if name == "native" else ()))
        if twin.traced.startswith("lines_"):
            orders[twin.traced] = (cell, *TRACED)
    running = {name: clients(*words, "-o", str(folder / name)) for name, words in orders.items()}
    said = {}
    try:
        for name, client in running.items():
            said[name] = client.communicate(timeout=scaled(400))[1]
    finally:
        for client in running.values():
            client.kill()
            clients.note_ids(client.communicate()[1])
        left = clients.remove_all(docker_client)
    assert left == [], said
    return {name: report(folder / name) for name in running}


@pytest.mark.parametrize("leak", TWINS)
def test_a_twin_is_called_a_leak(soaked: dict[str, Any], leak: str) -> None:
    found = soaked[f"leak_{leak}"]
    assert found["ending"] == "completed"
    assert found["verdict"]["leak"], found["answer"]
    assert found["exit_code"] == 100


@pytest.mark.parametrize("leak", TWINS)
def test_the_line_that_allocates_what_a_twin_keeps_is_named(soaked: dict[str, Any], leak: str) -> None:
    twin = TWINS[leak]
    largest = next(site for site in soaked[twin.traced][twin.sites] if site["file"].startswith(IN_CONTAINER))
    assert f"{largest['file'].removeprefix(IN_CONTAINER)}:{largest['line']}" == marked(leak)
    assert largest["bytes"] > LEAST_KEPT


def test_a_cache_that_fills_is_no_leak(soaked: dict[str, Any]) -> None:
    found = soaked["chat_filling"]
    assert found["ending"] == "completed"
    assert found["verdict"]["leak"] is False, found["answer"]
    assert found["exit_code"] == 0


@pytest.fixture(scope="module", params=["py310", "py312"])
def visit(request: pytest.FixtureRequest, docker_client: DockerClient) -> dict[str, Any]:
    """Return what the service answered in a container, and how much the leak in C keeps of a session."""
    source = ImageSource(name=request.param, directory=ROOT / "images" / request.param)
    facts = build_image(docker_client, source, say=lambda _: None)
    suite = Suite(name="soak", directory=SUITE, description="", benchmarks=(), requirements=SUITE / "requirements.txt")
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


def test_an_answer_is_streamed_and_ends_with_what_is_known_of_it(visit: dict[str, Any]) -> None:
    assert visit["chunks"] > 8
    *parts, last = visit["answers"][0]
    assert all(set(part) == {"text"} and len(part["text"].split()) == 25 for part in parts)
    assert len(parts) == 8
    assert (last["session"], last["message"], last["is_over"], last["is_deleted"]) == (1, 1, False, False)
    assert 0 < last["score"] < 1


def test_each_third_session_is_deleted_and_the_others_are_kept(visit: dict[str, Any]) -> None:
    last = [answer[-1] for answer in visit["answers"]]
    assert [each["session"] for each in last] == [1 + number // 3 for number in range(21)]
    assert visit["kept"] == [{"session": number, "messages": 3} for number in (7, 5, 4, 2, 1)]
    assert visit["tables"] == {"sessions": 5, "messages": 15}


def test_what_a_cache_does_not_have_is_read_from_the_database(visit: dict[str, Any]) -> None:
    assert visit["without_cache"] == visit["with_cache"]


def test_jobs_close_a_session_that_was_left_and_report_the_hour(visit: dict[str, Any]) -> None:
    assert visit["after_a_pause"]["message"] == 1


@pytest.mark.parametrize("name", ["empty", "no_text", "no_json", "too_long"])
def test_a_bad_message_is_refused(visit: dict[str, Any], name: str) -> None:
    status, text = visit["refused"][name]
    assert status == 422
    assert "text of 1 to 1000 characters" in text


def test_the_leak_in_c_keeps_what_it_is_known_to_keep(visit: dict[str, Any]) -> None:
    sound, leaking = visit["kept_in_c"][""], visit["kept_in_c"]["native"]
    assert abs(sound) < 8 * 1024, "SQLite's cache of pages fills"
    assert leaking - sound == pytest.approx(48 * 1024, rel=0.02)
