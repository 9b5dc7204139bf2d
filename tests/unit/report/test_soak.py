"""What is shown of a soak: the answer first, then the figures it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from served import CACHE
from soaks import make_calls, make_soak, recorded, samples_of, stretched

from factories import MIB, make_measurement, make_oom
from memcap.leaks import LeakClass, Rate, Series
from memcap.model import STOPPED_BEFORE_ITS_TIME, Caveat, CaveatKind, Ending, SoakKind, SoakRules
from memcap.report.document import Chart, Level
from memcap.report.soak import soak_document
from memcap.report.soak_tables import some
from memcap.report.soak_words import answer, bytes_text, level_of, rate_in_words, roughly
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.soaking import SoakOutcome

Golden = Callable[[str, str], None]
HOURS = SoakRules(duration_seconds=7200)
LEAK = make_calls(stretched(recorded("leak_bytes"), 30, values=0.5))
CACHE_FILLED = make_soak(stretched(recorded("lru_cache"), 30))
KILLED = make_soak(
    recorded("leak_bytes"),
    cap_bytes=12 * MIB,
    rules=replace(HOURS, max_rss_bytes=20 * MIB),
    measurement=make_oom(output_tail="serving\nstill serving\n", detail="12.0 MiB, of it 11.1 MiB anonymous"),
)
RUNNING = replace(LEAK, measurement=None, rules=HOURS)
SHORT = make_soak(Series(seconds=[0, 30, 60], values=[MIB, MIB, MIB]), rules=SoakRules(duration_seconds=60))
EXAMPLES = {"leak": LEAK, "cache": CACHE_FILLED, "killed": KILLED, "running": RUNNING, "short": SHORT}


def render(outcome: SoakOutcome, *, width: int = 80, verbose: bool = False) -> str:
    return to_terminal(soak_document(outcome), Terminal(width=width, verbose=verbose))


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_form_of_each_example(golden: Golden, name: str, width: int) -> None:
    golden(f"report/soak/{name}-{width}.txt", render(EXAMPLES[name], width=width, verbose=width == 80))


@pytest.mark.parametrize("name", EXAMPLES)
def test_markdown_of_each_example(golden: Golden, name: str) -> None:
    golden(f"report/soak/{name}.md", to_markdown(soak_document(EXAMPLES[name])))


ANSWERS = {
    "leak_bytes": "Leaks 177.1 MiB an hour (176.5 to 177.7) after a warm-up of 12 seconds; reaches the cap of 512.0 "
    "MiB in about 3 hours.",
    "lru_cache": "Does not leak: a cache that was full after 57 seconds. A leak of 635.9 MiB an hour or more would "
    "have been found.",
    "idle": "Does not leak: memory stayed level. A leak of 153.8 MiB an hour or more would have been found.",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_one_sentence_or_two(name: str) -> None:
    outcome = make_soak(recorded(name))

    assert answer(outcome) == ANSWERS[name]
    assert level_of(outcome) is (Level.BAD if outcome.verdict.leak else Level.GOOD)


def test_too_little_data_says_how_long_would_do() -> None:
    assert answer(SHORT) == (
        "Not enough data: the samples are too few, or too close together (3; 16 over 2.0 s are needed). Run it for 2 "
        "minutes."
    )
    assert level_of(SHORT) is Level.UNSURE


def test_more_time_is_no_help_for_a_workload_that_ends() -> None:
    ended = replace(SHORT, rules=HOURS)

    assert answer(ended).endswith("The workload ended by itself; use one that goes on.")
    assert "before the time that was asked for" in render(ended)
    assert "Run it for" not in answer(replace(SHORT, measurement=make_oom()))


def test_a_soak_that_somebody_stopped_did_not_end_by_itself() -> None:
    whole = make_soak(Series(seconds=[0, 1, 2, 3], values=[1, 1, 1, 1]), rules=SoakRules(duration_seconds=60))
    assert whole.measurement is not None
    stopped = replace(whole, measurement=replace(whole.measurement, detail=STOPPED_BEFORE_ITS_TIME))
    assert answer(stopped).endswith("The soak was stopped; let it run to its end.")
    assert "It was stopped before the time that was asked for." in render(stopped)


def test_a_python_that_could_not_be_looked_at_is_told() -> None:
    asked = replace(SHORT, rules=replace(SHORT.rules, collects=True))
    assert "No Python process was looked at" in render(asked)
    assert "No Python process was looked at" not in render(SHORT)
    assert "No Python process was looked at" not in render(replace(asked, measurement=None))


def test_objects_are_those_of_the_last_look_that_counted_them() -> None:
    *before, last = LEAK.samples
    uncounted = replace(last, python=tuple(replace(each, gc_objects=None) for each in last.python))
    counted = before[-1].python[0].gc_objects
    assert f"{counted:,}" in render(replace(LEAK, samples=(*before, uncounted)))


def test_the_answer_names_the_limit_that_was_broken() -> None:
    whole = make_soak(Series(seconds=[0, 1, 2, 3], values=[1, 1, 1, 1]))
    assert whole.measurement is not None
    detail = "the limit of RSS is 488.3 MiB; more was resident"
    broken = replace(whole, measurement=replace(whole.measurement, ending=Ending.LIMIT_EXCEEDED, detail=detail))
    assert detail in answer(broken)


def test_another_ending_comes_before_the_verdict() -> None:
    killed = "Ended after 2 min 0 s: the kernel killed the main process at the cap. Leaks 177.1 MiB"
    assert answer(KILLED).startswith(killed)
    assert "reaches the cap" not in answer(KILLED)
    flat = make_soak(recorded("idle"), measurement=make_measurement(ending=Ending.LIMIT_EXCEEDED))
    assert level_of(flat) is Level.BAD


def test_a_soak_that_goes_on_says_so_far() -> None:
    assert answer(RUNNING).startswith("So far (59 min 52 s of 2 h 0 min): leaks 3.0 MiB")
    assert "Peaks" not in render(RUNNING)


def test_rates_are_by_hour_by_piece_of_work_and_by_simulated_hour() -> None:
    outcome = replace(LEAK, rules=replace(LEAK.rules, rate=24))
    text = render(replace(outcome, verdict=replace(outcome.verdict, per_hour=Rate(estimate=48e6, low=24e6, high=72e6))))

    assert "an hour: 45.8 MiB (22.9 to 68.7)" in text
    assert "a simulated hour: 1.9 MiB (976.6 KiB to 2.9 MiB)" in text
    assert "a cycle: " in text
    assert "a request: " in render(replace(LEAK, kind=SoakKind.SERVER))
    assert "a cycle: " not in render(replace(LEAK, kind=SoakKind.COMMAND))


def test_the_usual_rule_stands_next_to_the_verdict() -> None:
    over = make_soak(stretched(recorded("leak_bytes"), 1, values=20))

    assert "threshold: 50.0 MB: the growth is above it" in render(over)
    assert "threshold: 50.0 MB: the growth is not above it" in render(LEAK)
    assert "samples used: 3: not enough samples, 5 are needed" in render(SHORT)


def test_a_step_or_a_cache_has_no_rate() -> None:
    assert CACHE_FILLED.verdict.kind is LeakClass.BOUNDED_CACHE
    assert "an hour (" not in render(CACHE_FILLED)
    assert "an hour: " not in render(CACHE_FILLED)


def test_services_and_caveats_are_shown() -> None:
    caveat = Caveat(kind=CaveatKind.LOAD_ERRORS, detail="12 of 400 requests failed")
    text = render(replace(LEAK, services=(CACHE,), measurement=make_measurement(caveats=(caveat,))))

    assert "debian/redis-server" in text
    assert "12 of 400 requests failed" in text


def test_what_was_not_asked_for_is_not_there() -> None:
    text = render(make_soak(recorded("idle")))

    for title in ("Top allocations", "Garbage collection", "Work", "Time of a", "own metrics", "Services"):
        assert title not in text


def test_few_of_many_samples_are_shown_the_first_and_the_last_among_them() -> None:
    assert some(range(100), 4) == (0, 33, 66, 99)
    assert some(range(4), 4) == (0, 1, 2, 3)
    assert "Samples, 12 of 31:" in render(LEAK)


def test_a_page_needs_no_script_and_stays_small() -> None:
    many = Series(seconds=list(range(50_000)), values=[MIB * (20 + each % 97) for each in range(50_000)])
    page = to_html(soak_document(make_soak(many, samples=samples_of(many, 1440))))

    assert "<script" not in page
    assert len(page) < 60_000
    assert isinstance(next(block for block in soak_document(LEAK).blocks if isinstance(block, Chart)), Chart)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (121, "2 minutes"), (7199, "120 minutes"),
     (41 * 3600, "41 hours"), (30 * 86400, "30 days"), (3 * 31_557_600, "3 years"), (1e300, "more than 100 years")],
)  # fmt: skip
def test_times_are_rough(seconds: float, told: str) -> None:
    assert roughly(seconds) == told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((3.25e6, 3.04e6, 3.46e6), "3.1 MiB an hour (2.9 to 3.3)"),
        ((1.1e6, 0.9e6, 1.3e6), "1.0 MiB an hour (878.9 KiB to 1.2 MiB)"),
        ((0.0, 0.0, 0.0), "0 B an hour"),
        ((1.52, 1.4, 1.6), "1.5 B an hour (1.4 to 1.6)"),
    ],
)
def test_a_unit_is_written_once(values: tuple[float, float, float], told: str) -> None:
    rate = Rate(**dict(zip(("estimate", "low", "high"), values, strict=True)))

    assert rate_in_words(rate, "an hour") == told


@pytest.mark.parametrize(
    ("value", "told"), [(None, "-"), (0, "0 B"), (0.32, "0.32 B"), (0.0001, "0 B"), (-3.5, "-3.5 B"), (2000, "2.0 KiB")]
)
def test_parts_of_a_byte_are_told(value: float | None, told: str) -> None:
    assert bytes_text(value) == told
