"""``memcap measure``: what is refused before a daemon is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from memcap.cli.measure import command
from memcap.errors import MemcapError, UsageError
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
