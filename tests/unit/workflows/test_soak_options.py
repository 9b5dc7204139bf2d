"""What the options of a soak mean, and which mean nothing together."""

from __future__ import annotations

import pytest

from memcap.errors import MemcapError, SizeError, UsageError
from memcap.load import parse_load
from memcap.workflows.serving_options import ServingOptions
from memcap.workflows.soak_options import SoakOptions, parse_duration


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("0.5", 0.5), ("2min", 120.0), ("1h", 3600.0)])
def test_a_bare_number_means_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["inf", "nan", "soon", "", "1 fortnight"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(SizeError):
        parse_duration(text)


def test_the_defaults_are_an_hour_with_a_sample_a_minute() -> None:
    rules = SoakOptions().rules()
    assert (rules.duration_seconds, rules.interval_seconds, rules.step_seconds) == (3600, 60, 7.5)
    assert (rules.leak_threshold_bytes, rules.max_rss_bytes, rules.top) == (50_000_000, 512_000_000, 20)
    assert (rules.frames, rules.collects, rules.rate) == (0, False, 1.0)


def test_quick_is_five_minutes_with_a_sample_each_15_seconds() -> None:
    rules = SoakOptions(quick=True).rules()
    assert (rules.duration_seconds, rules.interval_seconds) == (300, 15)


def test_a_short_soak_has_twenty_samples_unless_it_is_told_how_often() -> None:
    assert SoakOptions(duration="2min").rules().interval_seconds == 6
    assert SoakOptions(duration="2min", interval="1min").rules().interval_seconds == 60


def test_a_cap_takes_the_place_of_the_usual_limit_of_rss() -> None:
    assert SoakOptions(cap="2g").rules().max_rss_bytes is None
    assert SoakOptions(cap="2g", max_rss="1GB").rules().max_rss_bytes == 10**9


def test_tracemalloc_is_off_unless_it_is_asked_for() -> None:
    assert SoakOptions(tracemalloc=True, frames=5).rules().frames == 5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (SoakOptions(duration="0s"), "--duration is nothing"),
        (SoakOptions(interval="0"), "--interval is nothing"),
        (SoakOptions(duration="10s", interval="20s"), "is longer than --duration"),
        (SoakOptions(duration="7d", interval="1s"), "Take 13s or more"),
        (SoakOptions(rate=0.0), "--rate 0 is not"),
        (SoakOptions(rate=float("nan")), "--rate nan is not"),
        (SoakOptions(rate=0.0, duration="0"), "2 contradictions"),
    ],
)
def test_what_cannot_be_meant(options: SoakOptions, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        options.validate()
    assert isinstance(caught.value, MemcapError)


def test_seven_days_with_a_sample_a_minute_are_possible() -> None:
    SoakOptions(duration="7d").validate()


@pytest.mark.parametrize(
    "load", ["GET / rate=20", "GET / rate=20 for 10s", "GET / header='X-Note: wait for me' rate=20"]
)
def test_the_load_of_a_soak_needs_no_time(load: str) -> None:
    serving = ServingOptions(serve=True, ready="http://localhost:8000/", load=load)
    options = SoakOptions(words=("py312", "--", "server"), serving=serving).with_load_time()
    options.validate()
    assert options.serving.workload(("server",)).load == parse_load(load, time="5min")
    assert "load-time" not in " ".join(options.serving.retyped())
    if "10s" not in load:
        with pytest.raises(UsageError, match="for"):
            serving.validate()
