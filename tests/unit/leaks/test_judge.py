"""What a series of memory is called, and the figures that go with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcap.leaks import FEWEST_SAMPLES, LeakClass, LeakVerdict, Series, judge_series

MB = 1_000_000
HOUR = 3600
COUNT = 360
Shape = Callable[[float], float]


def series(shape: Shape, *, count: int = COUNT, seconds: float = HOUR, noise: float = 20_000, seed: int = 1) -> Series:
    """Return 100 MB, ``shape`` of the share of the run in MB, and a little noise, in pages."""
    draw = random.Random(seed)
    shares = [place / (count - 1) for place in range(count)]
    values = [4096 * round((100 * MB + MB * shape(share) + draw.gauss(0, noise)) / 4096) for share in shares]
    return Series(seconds=[share * seconds for share in shares], values=values)


SHAPES: dict[LeakClass, list[Shape]] = {
    LeakClass.FLAT: [lambda _: 0.0, lambda share: -20 * share, lambda share: -50 * (share < 0.02)],
    LeakClass.STEP: [
        lambda share: 30 * (share > 0.4),
        lambda share: 30 * (share > 0.4) + 20 * (share > 0.7),
        lambda share: 20 * (share > 0.4) - 5 * (share < 0.01),  # it starts, works and loads something
    ],
    LeakClass.BOUNDED_CACHE: [lambda share: 90 * min(share, 0.5), lambda share: 40 * (1 - 0.001**share)],
    LeakClass.SAWTOOTH: [lambda share: 30 * (share * 20 % 1)],
    LeakClass.PERIODIC: [lambda share: 30 * (share * 12 % 1 > 0.6)],
    LeakClass.LINEAR_LEAK: [
        lambda share: 30 * share,
        lambda share: 60 * share + 20 * (share * 20 % 1),
        lambda share: 60 * share + 30 * (share > 0.3),
        lambda share: 60 * share + 40 * (1 - 2 ** (-share * 100)),
        lambda share: 60 * max(0.0, share - 0.3),
        lambda share: 2 * round(10 * share),
    ],
    LeakClass.SUPERLINEAR_LEAK: [lambda share: 60 * share**2, lambda share: 2 ** (6 * share)],
    LeakClass.NOT_ENOUGH_DATA: [lambda share: 60 * share**0.5, lambda share: 90 * max(0.0, share - 0.85)],
}
EXAMPLES = [(kind, shape) for kind, shapes in SHAPES.items() for shape in shapes]


@pytest.mark.parametrize(("kind", "shape"), EXAMPLES)
def test_each_shape_has_its_name(kind: LeakClass, shape: Shape) -> None:
    verdict = judge_series(series(shape))

    assert (verdict.kind, verdict.leak) == (kind, kind.leak)
    assert verdict.reason


@pytest.mark.parametrize("count", [20, 60, 3000])
def test_a_leak_has_its_rate_and_a_level_series_none(count: int) -> None:
    leaking, level = judge_series(series(lambda share: 40 * share, count=count)), judge_series(series(lambda _: 0))

    assert leaking.kind is LeakClass.LINEAR_LEAK
    assert leaking.per_hour is not None
    assert leaking.per_hour.low <= 40 * MB <= leaking.per_hour.high
    assert leaking.per_hour.estimate == pytest.approx(40 * MB, rel=0.05)
    assert level.per_hour is not None
    assert level.per_hour.low <= 0 <= level.per_hour.high
    assert leaking.per_work is level.per_work is None


def test_the_cap_is_reached_at_the_pace_of_the_leak() -> None:
    leak = series(lambda share: 40 * share)

    in_time = judge_series(leak, cap_bytes=180 * MB).seconds_to_cap
    over = judge_series(leak, cap_bytes=120 * MB).seconds_to_cap

    assert in_time == pytest.approx(HOUR, rel=0.05)
    assert over == 0
    assert judge_series(leak).seconds_to_cap is None
    assert judge_series(series(lambda _: 0), cap_bytes=180 * MB).seconds_to_cap is None


def test_a_leak_that_gets_faster_reaches_the_cap_at_its_last_pace() -> None:
    steady, faster = (
        judge_series(series(shape), cap_bytes=400 * MB).seconds_to_cap
        for shape in (lambda share: 100 * share, lambda share: 100 * share**3)
    )

    assert steady is not None
    assert faster is not None
    assert faster < steady / 1.5


def test_what_is_detectable_is_detected_and_shrinks_with_time() -> None:
    short, long = (judge_series(series(lambda _: 0, seconds=seconds)) for seconds in (120, 24 * HOUR))

    assert short.detectable_bytes_per_hour is not None
    assert long.detectable_bytes_per_hour is not None
    assert long.detectable_bytes_per_hour < short.detectable_bytes_per_hour / 500
    rate = short.detectable_bytes_per_hour / MB * 120 / HOUR
    assert judge_series(series(lambda share: rate * share, seconds=120)).leak


def test_more_noise_needs_a_larger_leak() -> None:
    quiet, noisy = (judge_series(series(lambda _: 0, noise=noise)) for noise in (20_000, 20 * MB))

    assert (quiet.detectable_bytes_per_hour or 0) * 3 < (noisy.detectable_bytes_per_hour or 0)


def test_the_envelope_is_below_the_series_and_has_its_times() -> None:
    teeth = series(lambda share: 30 * (share * 20 % 1))

    verdict = judge_series(teeth)

    assert verdict.windows == len(verdict.envelope) >= 8
    places = [teeth.seconds.index(point.seconds) for point in verdict.envelope]
    assert places == sorted(set(places))
    assert [teeth.values[place] for place in places] == [point.bytes for point in verdict.envelope]
    assert max(point.bytes for point in verdict.envelope) < 110 * MB


def test_the_warm_up_is_found() -> None:
    verdict = judge_series(series(lambda share: 30 * share + 60 * min(share, 0.25)))

    assert verdict.kind is LeakClass.LINEAR_LEAK
    assert verdict.warm_up_seconds == pytest.approx(0.25 * HOUR, rel=0.2)
    assert judge_series(series(lambda share: 30 * share)).warm_up_seconds == 0
    assert judge_series(series(lambda _: 0)).warm_up_seconds == 0
    assert judge_series(series(lambda share: -50 * (share < 0.05))).warm_up_seconds == pytest.approx(180, abs=15)


def test_a_leak_by_work_is_one_whatever_the_load_was() -> None:
    """Half of the time nothing is asked of the program, so that memory rises in steps."""
    done = [0.0]
    for place in range(COUNT - 1):
        done.append(done[-1] + 100 * (place % 180 < 90))
    leak = series(lambda share: 40 * done[round(share * (COUNT - 1))] / done[-1])

    counted = judge_series(replace(leak, work=done))

    assert counted.kind is LeakClass.LINEAR_LEAK
    assert counted.per_work is not None
    assert counted.per_work.estimate == pytest.approx(40 * MB / done[-1], rel=0.05)
    assert judge_series(leak).leak is not True


def test_each_fifth_of_the_work_must_leave_something() -> None:
    """The rule of CPython's refleak: what is level for a fifth of the work is no leak of the work."""

    def shape(share: float) -> float:
        return float(np.interp(share, (0, 0.3, 0.37, 0.58, 1), (0, 18, 30, 30, 60)))

    by_work = replace(series(shape), work=[float(place) for place in range(COUNT)])

    assert judge_series(series(shape)).leak
    assert not judge_series(by_work).leak


def test_work_that_stands_still_is_not_counted() -> None:
    verdict = judge_series(replace(series(lambda share: 40 * share), work=[7.0] * COUNT))

    assert verdict.leak
    assert verdict.per_work is None


@pytest.mark.parametrize("count", [0, 1, 4, FEWEST_SAMPLES - 1])
def test_a_few_samples_say_nothing(count: int) -> None:
    verdict = judge_series(Series(seconds=range(count), values=range(count)))

    assert verdict.kind is LeakClass.NOT_ENOUGH_DATA
    assert verdict.leak is None
    assert (verdict.per_hour, verdict.detectable_bytes_per_hour, verdict.envelope) == (None, None, ())
    assert str(FEWEST_SAMPLES) in verdict.reason
    assert verdict.two_ends.enough == (count >= 5)


def test_no_time_says_nothing() -> None:
    assert judge_series(Series(seconds=[5.0] * 40, values=range(40))).leak is None


def test_a_second_says_something_only_where_work_is_counted() -> None:
    short = series(lambda share: 40 * share, seconds=1)

    assert judge_series(short).leak is None
    assert judge_series(replace(short, work=[float(place) for place in range(COUNT)])).leak


def test_the_usual_rule_is_given_with_its_threshold() -> None:
    found = judge_series(series(lambda share: 60 * share), threshold=40 * MB).two_ends

    assert found.over
    assert found.threshold == 40 * MB


SAMPLES = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(0, 2**44), st.integers(0, 1000)), min_size=0, max_size=60
)


@given(SAMPLES, st.none() | st.integers(1, 2**44))
@settings(max_examples=150, deadline=None)
def test_any_series_has_a_verdict(samples: list[tuple[int, int, int]], cap: int | None) -> None:
    seconds = sorted(second for second, _, _ in samples)
    values = [value for _, value, _ in samples]

    for work in (None, sorted(done for _, _, done in samples)):
        found = Series(seconds=seconds, values=values, work=work)
        verdict = judge_series(found, cap_bytes=cap)
        assert verdict == judge_series(found, cap_bytes=cap)
        assert verdict.leak is verdict.kind.leak
        _is_consistent(verdict)
    assert judge_series(Series(seconds=seconds, values=sorted(values, reverse=True))).leak is not True


def _is_consistent(verdict: LeakVerdict) -> None:
    for rate in (verdict.per_hour, verdict.per_work):
        assert rate is None or rate.low <= rate.estimate <= rate.high
    assert verdict.detectable_bytes_per_hour is None or verdict.detectable_bytes_per_hour > 0
    assert verdict.seconds_to_cap is None or verdict.seconds_to_cap >= 0
    assert verdict.warm_up_seconds is None or verdict.warm_up_seconds >= 0


@given(st.integers(0, 100_000), st.sampled_from([LeakClass.LINEAR_LEAK, LeakClass.FLAT, LeakClass.STEP]))
@settings(max_examples=20, deadline=None)
def test_the_level_of_a_series_does_not_matter(pages: int, kind: LeakClass) -> None:
    plain = series(SHAPES[kind][0])

    higher = replace(plain, values=[value + 4096 * pages for value in plain.values])

    assert judge_series(higher).kind is judge_series(plain).kind


@pytest.mark.parametrize("shape", [lambda share: 30 * share, lambda share: 30 * (share * 20 % 1)])
def test_each_window_begins_no_later_than_its_least_value_and_after_the_one_before(shape: Shape) -> None:
    envelope = judge_series(series(shape)).envelope

    begins = [point.window_seconds for point in envelope]
    assert begins == sorted(set(begins))
    assert all(
        point.window_seconds <= point.seconds < following
        for point, following in zip(envelope, [*begins[1:], float("inf")], strict=True)
    )


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (lambda share: 0.7 * share**0.5, LeakClass.FLAT),
        (lambda share: 0.7 * share**2, LeakClass.NOT_ENOUGH_DATA),  # it quickens
        (lambda share: 4 * share**0.5, LeakClass.NOT_ENOUGH_DATA),  # it is more than one piece of memory
    ],
)
def test_a_small_rise_that_slows_down_is_flat_and_the_reason_says_how_much_it_was(
    shape: Shape, kind: LeakClass
) -> None:
    verdict = judge_series(series(shape, noise=0))

    assert verdict.kind is kind
    assert ("less than the 1.0 MiB that is taken at once" in verdict.reason) == (kind is LeakClass.FLAT)
