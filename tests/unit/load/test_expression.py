"""The language of loads: what is rendered is read again, and all problems are in one message."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcap.errors import UsageError
from memcap.load import parse_load, read_load, render_load
from memcap.model import LoadRequest, LoadSpec

PATH_CHARACTERS = st.sampled_from(string.ascii_letters + string.digits + "/?&=%-._~!$'()*+,;:@\"\\<>|^`[]")
RANGES = st.tuples(st.integers(0, 10**15 - 1), st.integers(0, 10**15 - 1)).map(
    lambda ends: f"{{{min(ends)}..{max(ends)}}}"
)
PATHS = st.lists(st.text(PATH_CHARACTERS, max_size=12) | RANGES, max_size=5).map(lambda parts: "/" + "".join(parts))
HEADER_VALUES = st.text(
    st.characters(max_codepoint=255).filter(lambda each: each.isprintable() or each == "\t"), max_size=20
).map(lambda text: text.strip(" \t"))
HEADER_NAMES = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True).filter(
    lambda name: name.lower() not in ("connection", "content-length", "transfer-encoding")
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = SCALARS | st.lists(SCALARS | st.lists(SCALARS), max_size=3)
WORDS = ("GET", "/", "for", "1s", "and", "rate=1", "body=", "header=a:b", "levels=1,2", "'")
REQUESTS = st.builds(
    LoadRequest,
    method=st.from_regex(r"[A-Z]{1,9}(-[A-Z]{1,9})?", fullmatch=True).filter(lambda name: name != "CONNECT"),
    path=PATHS,
    headers=st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=3).map(tuple),
    body=st.none() | st.text(min_size=1, max_size=20).filter(str.isprintable),
    weight=st.integers(1, 1_000_000),
)
SPECS = st.builds(
    LoadSpec,
    requests=st.lists(REQUESTS, min_size=1, max_size=4).map(tuple),
    rate=st.floats(1, 1000) | st.integers(1, 1000).map(float),
    seconds=st.floats(1, 100) | st.integers(1, 100).map(float),
    concurrency=st.integers(1, 10_000),
    keep_alive=st.booleans(),
    timeout_seconds=st.floats(0.001, 600),
    levels=st.lists(st.floats(1, 10), min_size=1, max_size=4, unique=True).map(tuple),
)


@given(SPECS)
def test_what_is_rendered_is_read_again(spec: LoadSpec) -> None:
    assert parse_load(render_load(spec)) == spec


@given(SPECS)
@settings(max_examples=40)
def test_a_table_means_the_same(spec: LoadSpec) -> None:
    requests = [
        render_load(LoadSpec(requests=(each,), rate=1, seconds=1)).removesuffix(" rate=1 for 1s")
        for each in spec.requests
    ]
    table = {
        "requests": requests[0] if len(requests) == 1 else requests,
        "rate": spec.rate,
        "duration": f"{spec.seconds!r}s",
        "concurrency": spec.concurrency,
        "keepalive": spec.keep_alive,
        "timeout": f"{spec.timeout_seconds!r}s",
        "levels": list(spec.levels),
    }
    assert read_load(table) == spec


@given(st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        spec = parse_load(text)
    except UsageError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert parse_load(render_load(spec)) == spec


@given(st.dictionaries(st.sampled_from(("requests", "rate", "duration", "levels", "keepalive", "x")), VALUES))
def test_any_table_is_read_or_refused(table: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        read_load(table)


def test_the_shortest() -> None:
    spec = parse_load("GET /items/{1..500} rate=200 for 20s")
    assert spec == LoadSpec(requests=(LoadRequest(method="GET", path="/items/{1..500}"),), rate=200, seconds=20)
    assert spec.count == 4000
    assert render_load(spec) == "GET /items/{1..500} rate=200 for 20s"


def test_everything_there_is() -> None:
    text = (
        "GET /items/{1..500} weight=9 header='Accept: text/html' and "
        "POST '/cart?a=1&b=2' body='my cart.json' header='X-Token: a b' header='X-Token: c' "
        "rate=0.5 for 1200s concurrency=20 keepalive=no timeout=0.5s levels=1,2,4"
    )
    spec = parse_load(text)
    assert render_load(spec) == text
    first, second = spec.requests
    assert (first.weight, first.headers, first.body) == (9, (("Accept", "text/html"),), None)
    assert second.path == "/cart?a=1&b=2"
    assert second.headers == (("X-Token", "a b"), ("X-Token", "c"))
    assert second.body == "my cart.json"
    assert (spec.concurrency, spec.keep_alive, spec.timeout_seconds, spec.levels) == (20, False, 0.5, (1, 2, 4))


def test_the_words_have_no_order() -> None:
    assert parse_load("for 20s GET / concurrency=3 rate=5") == parse_load("GET / rate=5 for 20s concurrency=3")


def test_levels_multiply_the_rate() -> None:
    spec = parse_load("GET / rate=50 for 10s levels=1,2.5")
    assert [(spec.at_level(level).rate, spec.at_level(level).count) for level in spec.levels] == [
        (50, 500),
        (125, 1250),
    ]
    assert spec.at_level(2.5).levels == (1,)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["request 1: expected a request such as GET /items", "the rate is missing", "the duration is missing"]),
        ("GET rate=1 for 1s", ["word 1 (GET): expected a request such as GET /items"]),
        ("get / rate=1 for 1s", ["word 1 (get): expected an HTTP method in capitals; did you mean GET?"]),
        ("CONNECT / rate=1 for 1s", ["CONNECT is for proxies"]),
        ("GET items rate=1 for 1s", ["word 2 (items): expected a path, which begins with /"]),
        ("GET http://h/ rate=1 for 1s", ["leave out the scheme and the host"]),
        ("GET /#a rate=1 for 1s", ["a server never sees what follows #"]),
        ("GET '/a b' rate=1 for 1s", ["a path has no spaces"]),
        ("GET /ä rate=1 for 1s", ["only ASCII characters"]),
        ("GET /{1..} rate=1 for 1s", ["braces are for ranges such as {1..500}"]),
        ("GET /{01..10} rate=1 for 1s", ["braces are for ranges such as {1..500}"]),
        ("GET /{5..1} rate=1 for 1s", ["{5..1} counts down; write {1..5}"]),
        ("GET / rate=fast for 1s", ["word 3 (rate=fast): expected requests a second such as 200"]),
        ("GET / rate=0 for 1s", ["expected from 0.001 to 100000 requests a second"]),
        ("GET / rate=1 for 20", ["word 5 (20): duration '20' has no unit. Write a number and a unit"]),
        ("GET / rate=1 for", ["word 4 (for): '' is not a duration"]),
        ("GET / rate=1 for 3h", ["expected from 1ms to 2h"]),
        ("GET / rate=1 for 1s timeout=1h", ["expected from 1ms to 10min"]),
        ("GET / rate=1 for 1s concurrency=0", ["expected a number of connections from 1 to 10000"]),
        ("GET / rate=1 for 1s weight=1.5", ["expected a weight from 1 to 1000000"]),
        ("GET / rate=1 for 1s keepalive=maybe", ["expected yes or no"]),
        ("GET / rate=1 for 1s levels=1,x", ["expected factors of the rate such as 1,2,4"]),
        ("GET / rate=1 for 1s levels=1,1", ["a level is there twice"]),
        ("GET / rate=1 for 1s header=Accept", ["expected a header such as 'Accept: text/html'"]),
        ("GET / rate=1 for 1s header='Connection: close'", ["the header Connection itself; use keepalive=no"]),
        ("GET / rate=1 for 1s header='A: \u20ac'", ["the header A has a character that HTTP does not allow"]),
        ("GET / rate=1 for 1s body=", ["expected the name of a file"]),
        ("GET / rate=1 for 1s body=a body=b", ["word 7 (body=b): body is there twice"]),
        ("GET / rate=1 rate=2 for 1s", ["word 4 (rate=2): rate is there twice"]),
        ("GET / rate=1 for 1s concurency=4", ["word 6 (concurency=4): unknown; did you mean concurrency?"]),
        ("GET / rate=1 for 1s duration=1s", ["word 6 (duration=1s): unknown"]),
        ("GET / rate=1 for 1s xyz", ["word 6 (xyz): unknown; known are weight, body, header, rate"]),
        ("GET / and rate=1 for 1s", ["request 2: expected a request such as GET /items"]),
        ("GET / rate=1 for 1s header='A: b", ["no closing quotation; quotes come in pairs"]),
        ("GET / rate=0.1 for 1s", ["rate and duration are less than one request"]),
        ("GET / rate=5000 for 1h", ["rate and duration are 18000000 requests; at most 10000000 are possible"]),
        ("GET / rate=500 for 1h levels=10", ["rate and duration are 18000000 requests"]),
        (
            "get items rate=x for 20s concurrency=many",
            ["rate=x for 20s concurrency=many' has 4 problems:", "word 1", "word 2", "word 3", "word 6"],
        ),
    ],
)  # fmt: skip
def test_problems(text: str, problems: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_load(text)
    for problem in problems:
        assert problem in caught.value.message
    assert caught.value.message.startswith(f"the load {text[:40]!r}"[:30])
    assert "GET /items/{1..500} rate=200 for 20s" in caught.value.remedy


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        (7, ["a load is a text or a table, not 7"]),
        ({"rate": 1, "duration": "1s"}, ["requests: expected a text such as 'GET /items/{1..500}', or a list of them"]),
        ({"requests": ["GET /", 7], "rate": 1, "duration": "1s"}, ["requests[1]: expected a text, found 7"]),
        ({"requests": "GET items", "rate": 1, "duration": "1s"}, ["requests[0], word 2 (items): expected a path"]),
        ({"requests": "GET 'items", "rate": 1, "duration": "1s"}, ["requests[0]: no closing quotation"]),
        ({"requests": "GET / rate=5", "rate": 1, "duration": "1s"}, ["requests[0], word 3 (rate=5): unknown"]),
        ({"requests": "GET /", "rate": True, "duration": 20}, ["rate: expected", "duration: duration '20'"]),
        ({"requests": "GET /", "rate": {}, "duration": "1s"}, ["rate: the value has a wrong type"]),
        ({"requests": "GET /", "rate": 1, "duration": "1s", "levels": []}, ["levels: expected factors of the rate"]),
        ({"requests": "GET /", "rate": 1, "duration": "1s", "level": [1]}, ["level: unknown; did you mean levels?"]),
    ],
)  # fmt: skip
def test_problems_of_a_table(value: object, problems: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read_load(value)
    for problem in problems:
        assert problem in caught.value.message


def test_a_text_is_a_load_in_a_file_too() -> None:
    assert read_load("GET / rate=5 for 20s") == parse_load("GET / rate=5 for 20s")


def test_a_long_text_is_quoted_in_short() -> None:
    with pytest.raises(UsageError) as caught:
        parse_load("GET / " + "x" * 1000)
    assert all(len(line) < 300 for line in re.split("\n", caught.value.message))
