"""What commands print about plans, images and remnants fits the terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from factories import make_baseline, make_cell, make_plan, make_plan_cell, make_result
from memcap.cli import gc, images, plan
from memcap.cli.output import table_width, terminal_width
from memcap.cli.reports import terminal_text
from memcap.engine.docker_leftovers import Remnant, RemnantKind
from memcap.images.inventory import Built
from memcap.model import DEFAULT_TOLERANCES, Budget, ImageSource, Metric, Rules
from memcap.report.baselines import render_baselines
from memcap.report.text import folded
from memcap.report.view import build_view

LONG = f"agents.{'long_name_' * 10}-registry_example_5000_team_prod_1_4-128m"


def _plan() -> str:
    budget = Budget(metric=Metric.UNRECLAIMABLE_PEAK, limit_bytes=10 << 20, margin=0.2)
    cells = (make_plan_cell("long_name_" * 4, cap=cap, budget=budget) for cap in ("1g", "2g"))
    return plan._as_text(make_plan(*cells), Rules(tolerances=DEFAULT_TOLERANCES))


def _images() -> str:
    built = Built(
        kind="layer",
        image="registry_example_5000_team_prod_1_4",
        suite="agents",
        reference=f"memcap/layer:{'0123456789abcdef' * 2}",
        id="x",
        origin="host interpreter CPython 3.12.1 (pyenv)",
        size_bytes=85 << 20,
        created=1.0,
    )
    return images._as_text([built], [ImageSource(name="py312")])


def _check() -> str:
    return terminal_text(build_view(make_result(make_cell(LONG)), is_judged=False), verbose=False)


def _baselines() -> str:
    return render_baselines([make_baseline(make_cell(LONG))], width=table_width())


def _gc() -> str:
    remnant = Remnant(
        kind=RemnantKind.CONTAINER,
        id="x",
        name="memcap-20261120T043000-quick-1a2b-1.1",
        state="exited",
        campaign="20261120T043000-quick-1a2b",
        created=1.0,
        size_bytes=1 << 20,
        hold=None,
    )
    return folded(gc._as_text((remnant,), (), dry_run=True), terminal_width())


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("text", [_plan, _images, _gc, _check, _baselines])
def test_no_line_is_wider_than_the_terminal(
    text: Callable[[], str], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, text().splitlines())) <= width


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (_plan, f"{'long_name_' * 4}-py312-1g"),
        (_images, f"memcap/layer:{'0123456789abcdef' * 2}"),
        (_check, LONG),
        (_baselines, LONG),
    ],
)
def test_words_that_are_copied_stay_whole_in_a_pipe(
    text: Callable[[], str], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert word in text()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert word not in text()
