"""The rules that docs/fit.md compares with, on samples whose answers are known."""

from __future__ import annotations

import pytest
from scraped_rules import MIB, krr, scraped, spread, vpa

from memcap.model import Moment

SERIES = [
    Moment(seconds=second, usage=size * MIB + 7, anon=0, file=7, shmem=0, kernel=0, low=0)
    for second, size in enumerate([20] * 10 + [100] * 2 + [20] * 18)
]


def test_a_scrape_sees_one_moment() -> None:
    assert scraped(SERIES, 15, 0) == [20 * MIB, 20 * MIB]
    assert scraped(SERIES, 10, 1) == [20 * MIB, 100 * MIB, 20 * MIB]


def test_krr_adds_its_buffer_to_the_largest_sample() -> None:
    assert krr([20 * MIB, 100 * MIB]) == pytest.approx(115 * MIB)


def test_vpa_takes_the_end_of_the_bucket_and_adds_its_margin() -> None:
    assert vpa([9_000_000]) == pytest.approx(1e7 * 1.15)
    assert vpa([10_000_001]) == pytest.approx((1e7 + 1.05e7) * 1.15)
    assert 100 * MIB * 1.15 < vpa([100 * MIB]) <= 100 * MIB * 1.15 * 1.06


def test_a_spike_between_scrapes_is_not_seen() -> None:
    least, most, short = spread(SERIES, 30, krr)
    assert least == pytest.approx(23 * MIB)
    assert most == pytest.approx(115 * MIB)
    assert short == pytest.approx(28 / 30, abs=0.02)
