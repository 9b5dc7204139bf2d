"""Documents that state facts about the code agree with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from memcap import errors
from memcap.errors import MemcapError
from memcap.judge import EXIT_CODES
from memcap.model import VerdictState
from memcap.store import load_baselines

DOCS = Path(__file__).parents[2] / "docs"


def _errors(base: type[MemcapError] = MemcapError) -> Iterator[type[MemcapError]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from _errors(kind)


def test_the_table_of_exit_codes_has_every_error_and_every_failing_verdict_and_nothing_else() -> None:
    text = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (?:error|verdict) `([^`]+)` \|", text, re.MULTILINE)
    expected = [(str(kind.exit_code), kind.__name__) for kind in _errors()]
    expected += [(str(code), state.value) for state, code in EXIT_CODES.items()]
    assert sorted(rows) == sorted(expected)
    assert [int(code) for code, _ in rows] == sorted(int(code) for code, _ in rows), "read from small to large"


def test_the_verdicts_that_do_not_fail_a_check_are_listed() -> None:
    text = (DOCS / "exit-codes.md").read_text(encoding="utf-8").partition("## What 0 does not say")[2]
    assert set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)) == {
        state.value for state in VerdictState if state not in EXIT_CODES
    }


def test_the_baseline_in_the_document_is_one(tmp_path: Path) -> None:
    text = (DOCS / "results-format.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / "agents.json").write_text(example, encoding="utf-8")
    assert list(load_baselines(tmp_path).cells) == list(json.loads(example)["cells"])
