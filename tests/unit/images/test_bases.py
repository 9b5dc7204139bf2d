from __future__ import annotations

import pytest

from memcap.errors import BuildError
from memcap.images.bases import BaseLine, parse_base

REPLACEABLE = BaseLine(reference="python:3.12-slim", replaceable=True)


@pytest.mark.parametrize(
    "dockerfile",
    [
        "ARG BASE=python:3.12-slim\nFROM ${BASE}\nRUN true\n",
        "# ARG BASE=debian\n  arg base=python:3.12-slim  \nfrom $BASE AS final",
        'ARG BASE="python:3.12-slim"\n\nFROM --platform=linux/amd64 ${BASE} AS x\nFROM debian\n',
    ],
)
def test_a_base_by_argument_is_replaceable(dockerfile: str) -> None:
    assert parse_base(dockerfile.replace("arg base", "arg BASE")) == REPLACEABLE


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM debian:12\nARG BASE=python:3.12-slim\nFROM ${BASE}", BaseLine(reference="debian:12", replaceable=False)),
        ("ARG BASE=python:3.12-slim\nFROM debian", BaseLine(reference="debian", replaceable=False)),
        ("FROM scratch\nCOPY x /", None),
        ("ARG OTHER=debian\nFROM ${OTHER}:12", None),
    ],
)
def test_other_bases_are_not(dockerfile: str, expected: BaseLine | None) -> None:
    assert parse_base(dockerfile) == expected


@pytest.mark.parametrize(("dockerfile", "words"), [("", "no FROM"), ("ARG BASE\nFROM ${BASE}", "no default")])
def test_what_cannot_be_built_is_said(dockerfile: str, words: str) -> None:
    with pytest.raises(BuildError, match=words):
        parse_base(dockerfile)
