"""Whatever a soak saw, each form of it can be made, is safe to read, and has finite numbers only."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from leaks.generate import CLASSES, Random
from soaks import make_soak, samples_of

from factories import make_measurement
from memcap.leaks import Series
from memcap.model import (
    NO_CAP_BYTES,
    AllocationSite,
    Ending,
    MemoryLook,
    PythonLook,
    SoakKind,
    SoakRules,
    SoakSample,
    WorkLook,
)
from memcap.report.document import Chart
from memcap.report.soak import soak_document
from memcap.report.soak_csv import soak_csv
from memcap.report.soak_json import soak_json
from memcap.report.soak_live import live_lines, plain_line
from memcap.report.svg import inline, standalone
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.soaking import SoakOutcome

NO_NUMBER = re.compile(r"\b(?:nan|inf|NaN|Infinity)\b")
PIECES = ["ab", "é", "|", "`", "<b>", "</details>", "\x1b[2J", "\n", "\u202e", "=1+1", ",", '"', "x" * 70, ""]
texts = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
counts = st.none() | st.integers(0, 2**45)
times = st.none() | st.floats(0, 1e7)


@st.composite
def _series(draw: st.DrawFn) -> Series:
    count = draw(st.integers(0, 60))
    steps = draw(st.lists(st.floats(0, 1e4), min_size=count, max_size=count))
    values = draw(st.lists(st.integers(0, 2**42), min_size=count, max_size=count))
    if draw(st.booleans()):
        values.sort()
    seconds = [sum(steps[: place + 1]) for place in range(count)]
    work = [int(each) for each in seconds] if draw(st.booleans()) else None
    return Series(seconds=seconds, values=values, work=work)


memory = st.builds(
    MemoryLook,
    seconds=st.floats(0, 1e7),
    unreclaimable_bytes=counts,
    rss_bytes=counts,
    pss_bytes=counts,
    threads=counts,
)
work = st.builds(
    WorkLook,
    seconds=st.floats(0, 1e7),
    done=st.integers(0, 2**40),
    failed=counts,
    p50_seconds=times,
    p99_seconds=times,
    metrics=st.dictionaries(texts, st.none() | st.floats(-1e15, 1e15), max_size=2),
)
python = st.builds(
    PythonLook,
    seconds=st.floats(0, 1e7),
    pid=st.integers(1, 3),
    gc_objects=counts,
    gc_collections=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    tracemalloc_bytes=counts,
    took_seconds=times,
)
samples = st.builds(SoakSample, memory=memory, work=st.none() | work, python=st.lists(python, max_size=2).map(tuple))
sites = st.builds(AllocationSite, file=texts, line=st.integers(0, 99), bytes=st.integers(0, 2**45),
                  count=st.integers(0, 99), source=texts)  # fmt: skip
rules = st.builds(
    SoakRules,
    duration_seconds=st.floats(1, 1e7),
    max_rss_bytes=st.none() | st.integers(1, 2**42),
    frames=st.integers(0, 2),
    rate=st.sampled_from([0.5, 1.0, 60.0]),
)


@st.composite
def soaks(draw: st.DrawFn) -> SoakOutcome:
    """Draw a soak of any kind that may go on or have ended in any way."""
    endings = st.sampled_from(Ending)
    measurements = st.none() | st.builds(make_measurement, ending=endings, detail=texts, output_tail=texts)
    return make_soak(
        draw(_series()),
        name=draw(texts),
        kind=draw(st.sampled_from(SoakKind)),
        cap_bytes=draw(st.sampled_from([2**20, 2**29, 2**41, NO_CAP_BYTES])),
        rules=draw(rules),
        samples=tuple(draw(st.lists(samples, max_size=4))),
        measurement=draw(measurements),
        top=draw(st.none() | st.lists(sites, max_size=3).map(tuple)),
        elapsed_seconds=draw(st.floats(0, 1e7)),
    )


@given(soaks(), st.sampled_from([60, 80, 200]), st.booleans())
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_every_soak_has_every_form(outcome: SoakOutcome, width: int, ascii_only: bool) -> None:
    terminal = Terminal(width=width, verbose=True, ascii=ascii_only)
    document = soak_document(outcome)
    shown = to_terminal(document, terminal)
    live = "\n".join(live_lines(outcome, terminal))
    lines = [plain_line(sample, outcome.kind) for sample in outcome.samples]
    for text in (shown, live, *lines):
        assert all(line.isprintable() for line in text.split("\n"))
        assert not NO_NUMBER.search(text)
    assert not NO_NUMBER.search(to_markdown(document))
    to_html(document).encode()
    _draw(document.blocks)
    assert len(soak_csv(outcome).splitlines()) == 1 + len(outcome.samples)
    _finite(soak_json(outcome))


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("seed", range(3))
def test_every_generated_class_has_every_form(kind: str, seed: int) -> None:
    truth = CLASSES[kind](Random(seed))
    series = Series(seconds=truth.seconds, values=truth.values, work=truth.work)
    outcome = make_soak(series, samples=samples_of(series, 1440), kind=SoakKind.SERVER)
    document = soak_document(outcome)

    assert not NO_NUMBER.search(to_terminal(document))
    _draw(document.blocks)
    _finite(soak_json(replace(outcome, measurement=None)))


def _draw(blocks: Sequence[object]) -> None:
    for chart in blocks:
        if isinstance(chart, Chart):
            for text in (standalone(chart.drawing), inline(chart.drawing, chart.words)):
                ET.fromstring(text)
                assert not NO_NUMBER.search(text)


def _finite(text: str) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(text, parse_constant=refuse)
