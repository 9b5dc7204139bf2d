"""``memcap measure``: what is refused before a daemon is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from projects import make_project

from memcap.cli.measure import command
from memcap.errors import MemcapError, UsageError
from memcap.model import LoadSpec, Service
from memcap.workflows import measure
from memcap.workflows.request import CampaignRequest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cold"], "none of --cold, --no-thp and --output"),
        (["--no-thp"], "none of --cold, --no-thp and --output"),
        (["--output", "new.json"], "none of --cold, --no-thp and --output"),
        (["--cap", "128m", "--cap", "256m"], "takes one cap"),
        (["--runs", "7"], "needs 8 runs"),
        (["--serve"], "--tune cannot be combined with --serve"),
    ],
)
def test_tuning_goes_alone(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["some/image:1", "--tune", *words, "--", "true"])
    assert isinstance(result.exception, UsageError), result.output
    assert message in result.exception.message
    assert result.exception.remedy
    assert list(tmp_path.iterdir()) == []


def test_shared_memory_and_huge_pages_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = []

    def refuse(request: CampaignRequest, *_: object) -> None:
        orders.append(request)
        raise MemcapError("no daemon")

    monkeypatch.setattr(measure, "execute", refuse)
    for words in ([], ["--shm-size", "256m", "--no-thp", "--cap", "1g", "--cap", "2g"]):
        CliRunner().invoke(command, ["some/image:1", *words, "--", "true"])

    plain, asked = orders
    assert plain.policy.shm_size_bytes is None
    assert asked.policy.shm_size_bytes == 256 * 1024 * 1024
    assert [cell.benchmark.quiet.thp for cell in plain.plan.cells] == [True]
    assert [cell.benchmark.quiet.thp for cell in asked.plan.cells] == [False, False]


def test_a_secret_is_in_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[str] = []

    def refuse(request: CampaignRequest, *_: object) -> None:
        ids.extend(cell.id for cell in request.plan.cells)
        raise MemcapError("no daemon")

    monkeypatch.setattr(measure, "execute", refuse)
    CliRunner().invoke(command, ["some/image:1", "-e", "TOKEN=hunter2", "--", "/bin/hunter2"])
    assert ids == ["measure.command-some_image-1g"]


def test_an_empty_word_is_no_program() -> None:
    result = CliRunner().invoke(command, ["some/image:1", "--", ""])
    assert isinstance(result.exception, UsageError)
    assert "empty word" in result.exception.message


SERVE = ("--serve", "--ready", "http://localhost:8000/health", "--load", "GET / rate=10 for 2s levels=1,2")


def _requests(monkeypatch: pytest.MonkeyPatch, words: Sequence[str]) -> list[CampaignRequest]:
    requests = []

    def refuse(request: CampaignRequest, *_: object) -> None:
        requests.append(request)
        raise MemcapError("no daemon")

    monkeypatch.setattr(measure, "execute", refuse)
    CliRunner().invoke(command, ["some/image:1", *words, "--", "uvicorn", "app:app"])
    return requests


def test_a_server_is_a_cell_under_each_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*SERVE, "--idle", "6s", "--service", "cache=redis:7", "-c", "128m", "-c", "256m")
    (request,) = _requests(monkeypatch, words)
    assert [cell.id for cell in request.plan.cells] == [
        "measure.uvicorn-some_image-128m",
        "measure.uvicorn-some_image-256m",
    ]
    (server,) = request.plan.servers
    assert server.argv == ("uvicorn", "app:app")
    assert (server.levels, server.idle_seconds) == ((1, 2), 6)
    assert server.services == (Service(name="cache", image="redis:7"),)


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (("--load", "GET / rate=1 for 1s"), ["--load cannot be used without --serve"]),
        ((*SERVE, "--cold"), ["--serve cannot be combined with --cold"]),
        (("--serve", "--idle", "5"), ["--serve needs --ready", "--serve needs --load", "--idle: duration '5'"]),
        (
            ("--serve", "--ready", "tcp://localhost:1", "--load", "POST / body=no.json rate=1 for 1s"),
            ["'no.json' here"],
        ),
    ],
)
def test_all_that_is_wrong_with_a_server_is_told(words: Sequence[str], messages: Sequence[str]) -> None:
    result = CliRunner().invoke(command, ["some/image:1", *words, "--", "uvicorn", "app:app"])
    assert isinstance(result.exception, UsageError), result.output
    assert [message for message in messages if message not in result.exception.message] == []


def test_the_body_of_a_request_is_that_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cart.json").write_text("{}", encoding="utf-8")
    words = ("--serve", "--ready", "tcp://localhost:1", "--load", "POST /cart body=cart.json rate=1 for 1s")
    (request,) = _requests(monkeypatch, words)
    load = request.plan.servers[0].load
    assert isinstance(load, LoadSpec)
    assert [each.body for each in load.requests] == [str(tmp_path / "cart.json")]


def test_a_service_may_be_an_image_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    (request,) = _requests(monkeypatch, (*SERVE, "--service", "db=py312", "--service", "cache=redis:7"))
    assert list(request.images) == ["py312"]
