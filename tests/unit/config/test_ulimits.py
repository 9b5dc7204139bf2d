"""Ulimits and quotas of CPUs, as files and command lines write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.config.ulimits import ULIMITS, parse_cpus, parse_ulimit, parse_ulimits
from memcap.errors import SizeError
from memcap.model import UNLIMITED, Ulimit


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1024", Ulimit(soft=1024, hard=1024)),
        ("1024:2048", Ulimit(soft=1024, hard=2048)),
        ("1024:-1", Ulimit(soft=1024, hard=UNLIMITED)),
        ("-1", Ulimit(soft=UNLIMITED, hard=UNLIMITED)),
    ],
)
def test_soft_and_hard(value: str, expected: Ulimit) -> None:
    assert parse_ulimit("nofile", value) == expected


@given(name=st.sampled_from(ULIMITS), soft=st.integers(64, 10**17), more=st.integers(0, 10**17))
def test_a_ulimit_is_read_as_it_is_written(name: str, soft: int, more: int) -> None:
    limit = Ulimit(soft=soft, hard=soft + more)
    assert parse_ulimit(name, str(limit)) == limit


@given(value=st.text(max_size=12))
def test_any_other_value_is_a_size_error(value: str) -> None:
    with suppress(SizeError):
        found = parse_ulimit("stack", value)
        assert found.hard == UNLIMITED or 0 <= found.soft <= found.hard


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("nofile", "2048:1024", "the soft limit of nofile is above the hard limit"),
        ("nofile", "-1:1024", "the soft limit of nofile is above the hard limit"),
        ("nofile", "12", "nofile 12 is too few for the container itself"),
        ("nofile", "", "'' is not a limit for nofile"),
        ("nofile", "1m", "'1m' is not a limit for nofile"),
        ("fsize", "1", "the ulimit 'fsize' has a setting of its own"),
        ("core", "0", "the ulimit 'core' has a setting of its own"),
        ("cpu", "1", "the ulimit 'cpu' has a setting of its own"),
        ("nofiles", "64", "'nofiles' is not a ulimit"),
    ],
)
def test_what_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(SizeError) as refused:
        parse_ulimit(name, value)
    assert refused.value.message.startswith(message)
    assert refused.value.remedy


def test_a_ulimit_is_given_once() -> None:
    assert set(parse_ulimits(("nofile=64", "stack=-1"))) == {"nofile", "stack"}
    with pytest.raises(SizeError, match="'nofile' is given twice"):
        parse_ulimits(("nofile=64", "nofile=128"))


@pytest.mark.parametrize("text", ["", "two", "0", "-1", "0.001", "nan", "inf", "1e9"])
def test_a_quota_is_a_number_of_cpus(text: str) -> None:
    with pytest.raises(SizeError, match="is not a number of CPUs"):
        parse_cpus(text)


def test_a_quota_may_be_a_part_of_a_cpu() -> None:
    assert (parse_cpus("0.5"), parse_cpus("2")) == (0.5, 2)
