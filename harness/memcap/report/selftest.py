"""What the gate's self-test has shown, as a document and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memcap.json_text import json_text
from memcap.report.document import Advice, Column, Document, Level, Paragraph, Table, document
from memcap.report.text import NOTHING, figure
from memcap.selftest import RISES, MetricQuality, SelfTest
from memcap.units import counted

# History of the schema of `selftest --json`; it goes up when a key goes away or changes its meaning.
# 1 - first version
SELFTEST_SCHEMA = 1


def render_selftest_json(found: SelfTest, *, false_alarms: float) -> str:
    """Return ``found`` as JSON: rates are fractions, sizes bytes. ``false_alarms`` is the rate that is promised."""
    document = {
        "schema": SELFTEST_SCHEMA,
        "cells": list(found.cell_ids),
        "runs_per_sample": found.sample_size,
        "cells_per_suite": found.suite_size,
        "resamplings": found.resamplings,
        "false_alarm_rate": found.false_alarm_rate,
        "false_alarms_promised": false_alarms,
        "metrics": {each.metric.value: _metric(each) for each in found.metrics},
    }
    return json_text(document)


def selftest_document(found: SelfTest, *, false_alarms: float) -> Document:
    """Return what ``found`` says; ``false_alarms`` is the rate that is promised."""
    suite, suites = counted(found.suite_size, "cell"), counted(found.resamplings, "suite")
    first, *others = found.cell_ids
    more = f" and {counted(len(others), 'more cell')}" if others else ""
    told = (
        f"{counted(found.resamplings, 'time')} {found.sample_size} runs were compared with {found.sample_size} others "
        f"of the same code, as a suite of {suite}; then one cell's figures were raised."
    )
    alarmed = round(found.false_alarm_rate * found.resamplings)
    is_kept = found.false_alarm_rate <= false_alarms
    kept = "as promised" if is_kept else "MORE than promised"
    verdict = f"False alarms: {alarmed} of {suites} had one, {kept} (at most {false_alarms:.1%} of suites)."
    return document(
        "memcap selftest",
        Paragraph(text=f"Same code twice: {first}{more}"),
        Paragraph(text=told),
        _table(found.metrics),
        Paragraph(text=verdict, level=Level.PLAIN if is_kept else Level.BAD),
        _advice(found.metrics),
    )


def _table(metrics: Sequence[MetricQuality]) -> Table:
    """Return a column a metric, since there are few of them."""
    rows = [
        ("median", *(figure(each.metric, each.median) for each in metrics)),
        ("tolerance", *(figure(each.metric, each.margin) for each in metrics)),
        ("suites with a false alarm", *(f"{each.false_alarm_rate:.1%}" for each in metrics)),
        ("undecided comparisons", *(f"{each.undecided_rate:.1%}" for each in metrics)),
        *((f"{_rise(rise)} is found", *(_share(each.power.get(rise)) for each in metrics)) for rise in RISES),
        ("found 19 times of 20 from", *(_share(each.detectable, "+.2%") for each in metrics)),
    ]
    columns = (Column(title=""), *(Column(title=each.metric.value, right=True) for each in metrics))
    return Table(columns=columns, rows=tuple(rows))


def _share(share: float | None, form: str = ".1%") -> str:
    return NOTHING if share is None else format(share, form)


def _advice(metrics: Sequence[MetricQuality]) -> Paragraph | None:
    """Say where the tolerance, not the scatter, is what hides a small rise."""
    hidden = [
        each.metric.value for each in metrics if each.power.get(RISES[0]) == 0 and each.margin >= RISES[0] * each.median
    ]
    if not hidden:
        return None
    told = f"A rise of {_rise(RISES[0])} is within the tolerance of {', '.join(hidden)}, so it is not looked for; "
    return Paragraph(text=Advice(f"{told}`tolerances` in limits.toml or suite.toml set it."))


def _metric(each: MetricQuality) -> dict[str, Any]:
    return {
        "median": each.median,
        "tolerance": each.margin,
        "false_alarm_rate": each.false_alarm_rate,
        "undecided_rate": each.undecided_rate,
        "power": {_rise(rise).lstrip("+"): share for rise, share in each.power.items()},
        "minimum_detectable": each.detectable,
    }


def _rise(rise: float) -> str:
    return f"+{rise * 100:g}%"
