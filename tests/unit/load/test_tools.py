"""The counts in the outputs of other load generators, as these printed them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.load import parse_tool_output

H2LOAD = """\
progress: 100% done

finished in 89.10ms, 2244.59 req/s, 109.60KB/s
requests: 200 total, 200 started, 200 done, 190 succeeded, 10 failed, 3 errored, 1 timeout
status codes: 190 2xx, 0 3xx, 0 4xx, 7 5xx
traffic: 9.77KB (10000) total, 3.13KB (3200) headers (space savings 0.00%), 2.15KB (2200) data
"""
H2LOAD_NOTHING = """\
spawning thread #0: 5 total client(s). 200 total requests

finished in 401us, 0.00 req/s, 0B/s
requests: 200 total, 0 started, 0 done, 0 succeeded, 200 failed, 200 errored, 0 timeout
status codes: 0 2xx, 0 3xx, 0 4xx, 0 5xx
"""
HEY = """\

Summary:
  Total:\t0.0145 secs
  Requests/sec:\t3453.4572

Latency distribution:
  10% in 0.0001 secs

Status code distribution:
  [200]\t50 responses
  [302]\t2 responses
  [500]\t3 responses

Error distribution:
  [4]\tGet "http://127.0.0.1:80/": EOF
  [5]\tGet "http://127.0.0.1:80/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
"""
HEY_NOTHING = """\
Summary:
  Total:\t0.0053 secs
  Requests/sec:\t9358.5360

Status code distribution:

Error distribution:
  [50]\tGet "http://127.0.0.1:9/": dial tcp 127.0.0.1:9: connect: connection refused

"""
WRK = """\
Running 1s test @ http://127.0.0.1:42593/
  1 threads and 5 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.94ms    2.10ms  18.62ms   91.84%
    Req/Sec     9.29k     1.17k   10.93k    70.00%
  9312 requests in 1.01s, 454.69KB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 8
Requests/sec:   9243.65
Transfer/sec:    451.35KB
"""
K6 = """\
  █ TOTAL RESULTS

    checks_succeeded...................: 100.00% 90 out of 90

    HTTP
    http_req_duration..................: avg=140.36ms   min=119.08ms med=140.96ms max=154.63ms
      { expected_response:true }.......: avg=140.36ms   min=119.08ms med=140.96ms max=154.63ms
    http_req_failed....................: 20.00%  9 out of 45
    http_reqs..........................: 45     6.561089/s
"""
K6_BEFORE_1_0 = """\
     http_req_duration..............: avg=144.56ms min=104.11ms med=110.47ms max=1.14s p(90)=203.54ms p(95)=215.95ms
   ✗ http_req_failed................: 100.00% ✓ 180 ✗ 0
     http_req_waiting...............: avg=143.8ms min=103.5ms med=109.5ms max=1.14s p(90)=203.19ms p(95)=215.56ms
     http_reqs......................: 180 4.36938/s
"""


@pytest.mark.parametrize(
    ("output", "tool", "requests", "completed", "errors"),
    [
        (H2LOAD, "h2load", 200, 190, {"status": 7, "timeout": 1, "reset": 2}),
        (H2LOAD_NOTHING, "h2load", 200, 0, {"connect": 200}),
        (HEY, "hey", 64, 52, {"status": 3, "reset": 4, "timeout": 5}),
        (HEY_NOTHING, "hey", 50, 0, {"connect": 50}),
        (WRK, "wrk", 9318, 9300, {"connect": 1, "reset": 5, "timeout": 4, "status": 8}),
        (WRK.replace("  Socket", "  no").replace("  Non", "  no"), "wrk", 9312, 9312, {}),
        ("unable to connect to 127.0.0.1:9 Connection refused\n", "wrk", 1, 0, {"connect": 1}),
        (K6, "k6", 45, 36, {"failed": 9}),
        (K6_BEFORE_1_0, "k6", 180, 0, {"failed": 180}),
    ],
)
def test_counts(output: str, tool: str, requests: int, completed: int, errors: dict[str, int]) -> None:
    for text in (output, output.replace("\n", "\r\n"), "hello\n" * 10 + output):
        found = parse_tool_output(text)
        assert found is not None
        assert (found.tool, found.requests, found.completed) == (tool, requests, completed)
        assert {kind: error.count for kind, error in found.errors.items()} == errors
        assert found.unfinished == 0
        assert (found.latency, found.achieved_rate, found.missed_rate) == (None, None, None)


def test_examples_are_those_of_the_tool() -> None:
    found = parse_tool_output(HEY_NOTHING)
    assert found is not None
    assert found.errors["connect"].example.endswith("connect: connection refused")


@pytest.mark.parametrize("output", ["", "done\n", "requests: many", K6.replace("http_req_failed", "failed")])
def test_other_outputs_have_no_counts(output: str) -> None:
    assert parse_tool_output(output) is None


@given(st.text() | st.tuples(*[st.sampled_from(f"{H2LOAD}{HEY}{WRK}{K6}".splitlines())] * 6).map("\n".join))
def test_any_output_is_read_or_not(output: str) -> None:
    found = parse_tool_output(output)
    assert found is None or found.unfinished >= 0


def test_a_long_output_is_read_from_its_end() -> None:
    found = parse_tool_output("x" * 2_000_000 + "\n" + H2LOAD)
    assert found is not None
    assert found.completed == 190


def test_counts_that_no_result_holds_are_none() -> None:
    errors = "".join(f"  [{'9' * 18}]\tEOF {number}\n" for number in range(10))
    assert parse_tool_output(f"Status code distribution:\n  [200]\t5 responses\n{errors}") is None
