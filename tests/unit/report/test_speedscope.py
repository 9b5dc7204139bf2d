"""Profiles for speedscope: nothing is lost, and the file keeps to the definitions of speedscope's schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate
from profiles import MIB, frame, make_profile, site

from memcap import __version__
from memcap.model import AllocationProfile, Frame
from memcap.report.speedscope import SCHEMA, speedscope_json

# What speedscope's file-format-schema.json (1.25.0) says of a sampled profile, and nothing else beside it.
SPEEDSCOPE: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "profiles", "shared"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "name": {"type": "string"},
        "exporter": {"type": "string"},
        "activeProfileIndex": {"type": "number"},
        "shared": {
            "type": "object",
            "required": ["frames"],
            "properties": {
                "frames": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "file": {"type": "string"},
                            "line": {"type": "number"},
                        },
                    },
                }
            },
        },
        "profiles": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
                "additionalProperties": False,
                "properties": {
                    "type": {"const": "sampled"},
                    "name": {"type": "string"},
                    "unit": {"enum": ["bytes", "microseconds", "milliseconds", "nanoseconds", "none", "seconds"]},
                    "startValue": {"type": "number"},
                    "endValue": {"type": "number"},
                    "samples": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
                    "weights": {"type": "array", "items": {"type": "number"}},
                },
            },
        },
    },
}
MAIN, LOAD, ROWS = frame(1, "<module>"), frame(7), frame(12, "rows")


def read(profile: AllocationProfile) -> Any:
    text = speedscope_json(profile)
    assert text.isascii()
    document = json.loads(text)
    validate(document, SPEEDSCOPE)
    frames = len(document["shared"]["frames"])
    for each in document["profiles"]:
        assert len(each["samples"]) == len(each["weights"])
        assert all(0 <= place < frames for stack in each["samples"] for place in stack)
        assert each["endValue"] - each["startValue"] == sum(each["weights"])
    return document


def test_stacks_begin_at_the_outermost_frame_and_are_weighted_by_bytes() -> None:
    document = read(make_profile(site(3 * MIB, ROWS, LOAD, MAIN), site(MIB, LOAD, MAIN)))
    (profile,), frames = document["profiles"], document["shared"]["frames"]
    stacks = [[frames[place]["name"] for place in stack] for stack in profile["samples"]]

    assert stacks == [["<module>", "load", "rows"], ["<module>", "load"]]
    assert profile["weights"] == [3 * MIB, MIB]
    assert profile["unit"] == "bytes"
    assert frames[0] == {"name": "<module>", "file": "/app/work.py", "line": 1}
    assert (document["$schema"], document["exporter"]) == (SCHEMA, f"memcap {__version__}")


def test_each_process_is_a_profile_and_nothing_is_lost() -> None:
    whole = make_profile(
        site(3 * MIB, LOAD, MAIN), site(MIB, ROWS, MAIN, process=8), site(5, process=8), rest_bytes=1234
    )
    document = read(whole)
    first, second = document["profiles"]

    assert [each["name"] for each in document["profiles"]] == ["python work.py (PID 7)", "python work.py (PID 8)"]
    assert (first["endValue"], second["endValue"]) == (3 * MIB + 1234, MIB + 5)
    assert first["endValue"] + second["endValue"] == whole.sites_bytes
    names = [each["name"] for each in document["shared"]["frames"]]
    assert "(smaller allocations)" in names
    assert "(no stack)" in names


def test_lines_of_one_function_are_frames_of_their_own() -> None:
    frames = read(make_profile(site(1, frame(7), MAIN), site(1, frame(8), MAIN)))["shared"]["frames"]

    assert [(each["name"], each["line"]) for each in frames] == [("<module>", 1), ("load", 7), ("load", 8)]


def test_compiled_code_may_have_no_line() -> None:
    (first, *_) = read(make_profile(site(1, frame(0, "malloc", "libc.so.6", native=True))))["shared"]["frames"]

    assert first == {"name": "malloc", "file": "libc.so.6"}


def test_a_profile_without_sites_is_empty() -> None:
    (profile,) = read(make_profile())["profiles"]

    assert (profile["samples"], profile["weights"], profile["endValue"]) == ([], [], 0)


texts = st.text(max_size=30)
stacks = st.lists(
    st.builds(Frame, file=texts, line=st.integers(-1, 99), function=texts, native=st.booleans()), max_size=5
)


@given(st.lists(st.tuples(st.integers(0, 2**50), stacks), max_size=6), texts)
def test_any_profile_keeps_its_sum(sites: list[tuple[int, list[Frame]]], text: str) -> None:
    profile = make_profile(*(site(size, *stack) for size, stack in sites), subject=text)
    document = read(profile)

    assert sum(sum(each["weights"]) for each in document["profiles"]) == profile.sites_bytes
    assert all(each["name"].isprintable() for each in document["shared"]["frames"])


@pytest.mark.parametrize("rest", [0, 7])
def test_smaller_allocations_are_one_sample(rest: int) -> None:
    (profile,) = read(make_profile(site(9, LOAD), rest_bytes=rest))["profiles"]
    assert len(profile["samples"]) == (2 if rest else 1)
