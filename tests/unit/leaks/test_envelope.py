"""Windows as long as a sawtooth asks for, and the start of a program."""

from __future__ import annotations

import numpy as np
import pytest

from memcap.leaks.envelope import fall_back, lower_envelope, start_of, without_peaks


def test_a_line_has_many_windows_with_their_least_values() -> None:
    values = np.arange(480.0)

    assert lower_envelope(values).tolist() == [10 * window for window in range(48)]


@pytest.mark.parametrize("teeth", [8, 11, 20, 40])
def test_a_window_has_a_trough_of_the_sawtooth(teeth: int) -> None:
    values = np.arange(480.0) * teeth / 480 % 1

    places = lower_envelope(values)

    assert values[places].max() < 0.3
    assert len(places) >= min(48, 0.6 * teeth)


@pytest.mark.parametrize("count", [8, 9, 15, 16, 20, 95, 96, 10_000])
def test_every_number_of_samples_has_windows(count: int) -> None:
    places = lower_envelope(np.ones(count))

    assert len(places) == max(each for each in (48, 36, 28, 20, 16, 12, 8) if each <= max(8, count // 2))
    assert len(set(places.tolist())) == len(places)


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ValueError, match="7 values are too few"):
        lower_envelope(np.ones(7))


def test_to_fall_back_is_to_lose_what_was_gained() -> None:
    assert fall_back(np.array([5.0, 1, 4, 9, 3, 10, 8])) == 6
    assert fall_back(np.array([1.0, 1, 2, 2, 5])) == 0


def test_a_window_far_above_both_neighbours_is_cut_down() -> None:
    values = np.array([1.0, 2, 3, 90, 5, 6, 7])

    assert without_peaks(values).tolist() == [1, 2, 3, 5, 5, 6, 7]
    assert without_peaks(np.array([1.0, 2, 3, 90, 90, 6, 7])).tolist() == [1, 2, 3, 90, 90, 6, 7]


def test_the_start_is_below_all_that_follows() -> None:
    level = np.full(100, 1e8)
    started = level.copy()
    started[:5] = 5e7

    assert start_of(level) == 0
    assert start_of(started) == 5
    assert start_of(started[:9]) == 0


def test_a_leak_has_no_start() -> None:
    assert start_of(1e8 + 1e6 * np.arange(100.0)) == 0
