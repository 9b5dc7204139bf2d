"""Sizes and durations: every unit, no bare numbers, exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.errors import SizeError
from memcap.units import (
    counted,
    format_bytes,
    format_seconds,
    length_variant,
    parse_bytes,
    parse_seconds,
    seconds_of_variant,
    signed,
)

FACTORS = {
    "b": 1, "B": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
blanks = st.sampled_from(["", " ", "  "])


@pytest.mark.parametrize(
    ("value", "text"),
    [(2048, "+2.0 KiB"), (-2048, "-2.0 KiB"), (0, "0 B"), (-0.0, "0 B"), (0.4, "0 B"), (-0.4, "0 B"), (10, "+10 B")],
)
def test_a_difference_has_a_sign_unless_it_reads_as_zero(value: float, text: str) -> None:
    assert signed(value, format_bytes) == text


@given(st.integers(min_value=0, max_value=10**15), st.sampled_from(sorted(FACTORS)), blanks, blanks)
def test_whole_sizes_are_the_number_times_the_unit(number: int, unit: str, before: str, between: str) -> None:
    text = f"{before}{number}{between}{unit}"
    if number * FACTORS[unit] < 2**62:
        assert parse_bytes(text) == number * FACTORS[unit]
    else:
        with pytest.raises(SizeError, match="more than any machine has"):
            parse_bytes(text)


@given(
    st.integers(min_value=0, max_value=10**7), st.integers(min_value=1, max_value=9), st.sampled_from(sorted(FACTORS))
)
def test_decimal_sizes_lose_a_part_of_a_byte_at_most(digits: int, places: int, unit: str) -> None:
    text = f"{digits // 10**places}.{digits % 10**places:0{places}d}{unit}"
    exact = Fraction(digits, 10**places) * FACTORS[unit]
    if exact.denominator == 1 or (exact > 1 and unit not in ("b", "B")):
        assert parse_bytes(text) == int(exact)
    else:
        with pytest.raises(SizeError, match="not a whole number of bytes"):
            parse_bytes(text)


def test_a_size_in_decimals_is_the_one_that_docker_takes() -> None:
    assert parse_bytes("0.1g") == 107_374_182


def test_a_decimal_size_that_floats_get_wrong() -> None:
    assert parse_bytes("1.001MB") == 1_001_000  # 1.001 * 10**6 is 1000999.9999999999


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "run", "0 runs"),
        (1, "run", "1 run"),
        (5, "more run", "5 more runs"),
        (1, "process", "1 process"),
        (2, "process", "2 processes"),
    ],
)
def test_a_noun_is_in_the_plural_unless_there_is_one(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


@given(st.sampled_from(sorted(FACTORS)))
def test_the_case_of_units_does_not_matter(unit: str) -> None:
    assert parse_bytes(f"3{unit.upper()}") == parse_bytes(f"3{unit.lower()}") == 3 * FACTORS[unit]


@pytest.mark.parametrize("text", ["11575d", "99999999999999999999h"])
def test_a_duration_that_no_run_has_is_refused(text: str) -> None:
    with pytest.raises(SizeError, match="longer than 30 years"):
        parse_seconds(text)


@given(st.integers(min_value=0, max_value=10**4), st.sampled_from(sorted(SECONDS)))
def test_durations_are_the_number_times_the_unit(number: int, unit: str) -> None:
    assert parse_seconds(f"{number}{unit}") == pytest.approx(number * SECONDS[unit])


@given(
    st.integers(min_value=0, max_value=10**19).map(str)
    | st.floats(min_value=0, max_value=1e12, allow_nan=False).map(lambda number: f"{number:.3f}")
)
def test_bare_numbers_are_errors_that_say_so(text: str) -> None:
    for parse in (parse_bytes, parse_seconds):
        with pytest.raises(SizeError, match="has no unit") as caught:
            parse(text)
        assert "Write a number and a unit" in caught.value.remedy


@given(st.text())
def test_any_text_is_a_value_or_a_size_error(text: str) -> None:
    for parse in (parse_bytes, parse_seconds):
        try:
            assert parse(text) >= 0
        except SizeError as error:
            assert error.message  # noqa: PT017 - either way is right; only another exception is not


@pytest.mark.parametrize(
    "text", ["", "MiB", "-5m", "1e3m", "1,5m", "0x10m", "1_000m", "٣m", "12m 3k", "infs", "nanm", "9" * 5000 + "m"]
)
def test_what_is_not_a_number_with_a_unit_is_refused(text: str) -> None:
    with pytest.raises(SizeError, match="is not a"):
        parse_bytes(text)
    with pytest.raises(SizeError, match="is not a"):
        parse_seconds(text)


@pytest.mark.parametrize(("parse", "text"), [(parse_bytes, "5 parsecs"), (parse_bytes, "5s"), (parse_seconds, "5MiB")])
def test_an_unknown_unit_is_refused_with_the_known_ones(parse: object, text: str) -> None:
    assert callable(parse)
    with pytest.raises(SizeError, match="unknown unit") as caught:
        parse(text)
    assert caught.value.remedy.startswith("Use ")


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_printed_bytes_name_the_unit_and_are_near_the_value(value: int) -> None:
    number, unit = format_bytes(value).split(" ")
    assert unit in ("B", "KiB", "MiB", "GiB")
    assert abs(float(number) * FACTORS[unit] - value) <= (0.051 * FACTORS[unit] if unit != "B" else 0)


@given(st.floats(min_value=0, max_value=1e7, allow_nan=False))
def test_printed_seconds_are_near_the_value_and_signed(value: float) -> None:
    text = format_seconds(value)
    numbers, units = text.split(" ")[::2], text.split(" ")[1::2]
    total = sum(float(number) * SECONDS[unit] for number, unit in zip(numbers, units, strict=True))
    precision = 0.0005 if value < 1 else 0.05 if value < 60 else 0.5 if value < 3600 else 60
    assert abs(total - value) <= precision * 1.01
    if value > 0:
        assert format_seconds(-value) == f"-{text}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ms"), (0.34, "340 ms"), (2.1, "2.1 s"), (200, "3 min 20 s"), (3600, "1 h 0 min"), (-2.1, "-2.1 s")],
)
def test_examples_of_printed_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (64907673, "61.9 MiB"), (2**41, "2048.0 GiB")]
)
def test_examples_of_printed_bytes(value: int, text: str) -> None:
    assert format_bytes(value) == text


@given(st.integers(min_value=1, max_value=10**9))
def test_a_length_is_found_again_from_the_name_of_its_variant(milliseconds: int) -> None:
    name = length_variant(milliseconds / 1000)
    assert not set(name) & set(".-")
    assert seconds_of_variant(name) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize("variant", ["", "cold", "s", "0s", "1.5s", "5min", "20", "20sx"])
def test_other_variants_have_no_length(variant: str) -> None:
    assert seconds_of_variant(variant) is None
