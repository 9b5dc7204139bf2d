"""What is no series is refused."""

from __future__ import annotations

import pytest

from memcap.leaks import Series


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"seconds": [0, 1], "values": [5]}, "2 times and 1 values"),
        ({"seconds": [0, 1], "values": [5, 5], "work": [1]}, "2 times and 1 work"),
        ({"seconds": [1, 0], "values": [5, 5]}, "the seconds of a series must not fall"),
        ({"seconds": [0, 1], "values": [5, 5], "work": [2, 1]}, "the work of a series must not fall"),
        ({"seconds": [0, float("inf")], "values": [5, 5]}, "finite"),
        ({"seconds": [0, 1], "values": [5, float("nan")]}, "finite"),
    ],
)
def test_what_is_no_series_is_refused(arguments: dict[str, list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Series(**arguments)


def test_values_may_fall_and_times_may_be_equal() -> None:
    Series(seconds=[0, 0, 1], values=[3, 2, 1], work=[0, 0, 0])
