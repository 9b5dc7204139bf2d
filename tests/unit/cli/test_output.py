"""What the command line prints: no terminal obeys it, no error floods it, and one module prints it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import memcap.cli
from memcap.cli import cli, main
from memcap.cli.output import echo, emit, show_error
from memcap.cli.progress import say
from memcap.errors import EngineError, MemcapError
from memcap.untrusted import LONGEST_TEXT

ATTACK = "\x1b[2J\x1b]0;title\x07\u202e\x9b1m"


def controls(text: str) -> set[str]:
    return {character for character in text if not character.isprintable() and character != "\n"}


def test_one_module_prints() -> None:
    folder = Path(memcap.cli.__file__).parent
    others = [path.name for path in folder.glob("*.py") if path.name != "output.py"]
    printing = [name for name in others if re.search(r"click\.s?echo|(?<![.\w])print\(", _code(folder / name))]
    assert printing == []


def _code(path: Path) -> str:
    return re.sub(r'"""[\s\S]*?"""', "", path.read_text(encoding="utf-8"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_text_for_people_keeps_its_lines_and_no_controls(capsys: pytest.CaptureFixture[str], text: str) -> None:
    echo(text)
    say(text)
    out, err = capsys.readouterr()
    assert controls(out + err) == set()
    assert out.count("\n") == text.count("\n") + 1


def test_a_document_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    emit("<p>\t\N{NO-BREAK SPACE}</p>\n")
    assert capsys.readouterr().out == "<p>\t\N{NO-BREAK SPACE}</p>\n"


@pytest.mark.parametrize(
    "error",
    [
        EngineError(f"could not run x: {ATTACK}", remedy=ATTACK),
        click.UsageError(f"no such thing: {ATTACK}"),
        click.FileError(ATTACK, hint=ATTACK),
    ],
)
def test_an_error_is_shown_harmlessly(
    capsys: pytest.CaptureFixture[str], error: MemcapError | click.ClickException
) -> None:
    show_error(error)
    shown = capsys.readouterr().err
    assert controls(shown) == set()
    assert r"\x1b]0;title\x07\u202e\x9b1m" in shown


@pytest.mark.parametrize("piece", ["x", "x\n", "\x1b", "\U000e0001"])
def test_an_error_is_bounded(capsys: pytest.CaptureFixture[str], piece: str) -> None:
    show_error(EngineError(f"could not run x: {piece * 3_000_000}", remedy="Run it again."))
    shown = capsys.readouterr().err
    assert len(shown) <= LONGEST_TEXT + 1
    assert shown.startswith("memcap: could not run x: ")
    assert shown.endswith("  Run it again.\n")


def test_a_fault_of_memcap_is_shown_harmlessly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("of \x1b[2Jx")

    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert controls(shown) == set()
    assert r"RuntimeError: of \x1b[2Jx" in shown
    assert shown.endswith("memcap: this is a bug in memcap. Please report it with the traceback above.\n")


def test_a_cell_id_with_escapes_in_a_baseline_is_shown_harmlessly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "limits.toml").write_text("[caps]\n", encoding="utf-8")
    folder = tmp_path / "results" / "baselines"
    folder.mkdir(parents=True)
    (folder / "s.json").write_text('{"schema": 2, "cells": {"s.\\u001b[2Jx": 5}}', encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["memcap", "baseline", "show", "-C", str(tmp_path)])
    with pytest.raises(SystemExit):
        main()
    out, err = capsys.readouterr()
    assert controls(out + err) == set()
