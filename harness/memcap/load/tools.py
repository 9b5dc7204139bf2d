"""The counts in the outputs of other load generators: h2load, k6, hey and wrk.

Some of them exit with 0 when nothing listens, so their exit codes say nothing. Only the counts are read: most of these
tools measure latency from the moment of sending, which hides the time in which a slow server keeps them from it.

Kinds of errors are named as memcap's client does where a tool counts them separately; otherwise they are `failed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from memcap.model import LoadErrors, LoadOutcome
from memcap.strict import MOST_WHOLE

MOST_OUTPUT: Final = 1024 * 1024  # characters, from the end: the summary is there
LONGEST_EXAMPLE: Final = 200

_N: Final = r"(\d{1,18})"
_H2LOAD: Final = re.compile(
    rf"^requests: {_N} total, {_N} started, {_N} done, {_N} succeeded, {_N} failed, {_N} errored, {_N} timeout$",
    re.MULTILINE | re.ASCII,
)
_K6_REQUESTS: Final = re.compile(rf"^ *http_reqs\.*: {_N}\b", re.MULTILINE | re.ASCII)
_K6_FAILED: Final = re.compile(
    rf"^[ ✓✗]*http_req_failed\.*: +[\d.]+% +(?:✓ {_N} +✗ {_N}|{_N} out of {_N})", re.MULTILINE | re.ASCII
)
_HEY: Final = re.compile(r"^Status code distribution:$(.*)", re.MULTILINE | re.ASCII | re.DOTALL)
_HEY_STATUS: Final = re.compile(rf"^ +\[(\d{{1,3}})\]\t{_N} responses$", re.MULTILINE | re.ASCII)
_HEY_ERROR: Final = re.compile(rf"^ +\[{_N}\]\t(?!\d+ responses$)(.*)$", re.MULTILINE | re.ASCII)
_WRK: Final = re.compile(rf"^ +{_N} requests in ", re.MULTILINE | re.ASCII)
_WRK_SOCKETS: Final = re.compile(
    rf"^ +Socket errors: connect {_N}, read {_N}, write {_N}, timeout {_N}$", re.MULTILINE | re.ASCII
)
_WRK_STATUS: Final = re.compile(rf"^ +Non-2xx or 3xx responses: {_N}$", re.MULTILINE | re.ASCII)
_WRK_NOTHING: Final = re.compile(r"^unable to connect to .*$", re.MULTILINE | re.ASCII)


def parse_tool_output(output: str) -> LoadOutcome | None:
    """Return the counts in what a load generator printed; None if it is none of those that are known."""
    text = output[-MOST_OUTPUT:].replace("\r\n", "\n")
    return next((found for parse in _PARSERS if (found := parse(text)) is not None), None)


def _h2load(text: str) -> LoadOutcome | None:
    match = _H2LOAD.search(text)
    if match is None:
        return None
    total, started, _, succeeded, failed, errored, timeouts = map(int, match.groups())
    errors = {"status": failed - errored, "timeout": timeouts}
    errors["reset" if started else "connect"] = errored - timeouts
    return _outcome("h2load", succeeded, errors, requests=total)


def _k6(text: str) -> LoadOutcome | None:
    requests, failed = _K6_REQUESTS.search(text), _K6_FAILED.search(text)
    if requests is None or failed is None:
        return None
    total, errors = int(requests.group(1)), int(failed.group(1) or failed.group(3))
    return _outcome("k6", total - errors, {"failed": errors}, requests=total)


def _hey(text: str) -> LoadOutcome | None:
    match = _HEY.search(text)
    if match is None:
        return None
    counts = [(int(status), int(count)) for status, count in _HEY_STATUS.findall(match.group(1))]
    errors = {"status": sum(count for status, count in counts if status >= 400)}
    examples: dict[str, str] = {}
    for count, words in _HEY_ERROR.findall(match.group(1)):
        kind = _hey_kind(words)
        errors[kind] = errors.get(kind, 0) + int(count)
        examples.setdefault(kind, words)
    return _outcome("hey", sum(count for status, count in counts if status < 400), errors, examples=examples)


def _hey_kind(words: str) -> str:
    """Return the kind of an error in the words of Go's HTTP client."""
    if "connect:" in words or "dial tcp" in words:
        return "connect"
    return "timeout" if "Client.Timeout" in words or "timeout" in words else "reset"


def _wrk(text: str) -> LoadOutcome | None:
    answered = _WRK.search(text)
    if answered is None:
        nothing = _WRK_NOTHING.search(text)
        return nothing and _outcome("wrk", 0, {"connect": 1}, examples={"connect": nothing.group(0)})
    sockets, status = _WRK_SOCKETS.search(text), _WRK_STATUS.search(text)
    connects, reads, writes, timeouts = map(int, sockets.groups()) if sockets else (0, 0, 0, 0)
    errors = {"connect": connects, "reset": reads + writes, "timeout": timeouts}
    errors["status"] = int(status.group(1)) if status else 0
    # Timeouts are answers that took long, so both are among those that were counted.
    return _outcome("wrk", max(int(answered.group(1)) - errors["status"] - timeouts, 0), errors)


def _outcome(
    tool: str,
    completed: int,
    errors: Mapping[str, int],
    *,
    requests: int | None = None,
    examples: Mapping[str, str] | None = None,
) -> LoadOutcome | None:
    """Return the counts; None for more than a result holds."""
    found = {
        kind: LoadErrors(count=count, example=(examples or {}).get(kind, "")[:LONGEST_EXAMPLE])
        for kind, count in errors.items()
        if count > 0
    }
    ended = max(completed, 0) + sum(error.count for error in found.values())
    if ended > MOST_WHOLE:
        return None
    return LoadOutcome(tool=tool, requests=max(requests or 0, ended), completed=max(completed, 0), errors=found)


_PARSERS: Final[tuple[Callable[[str], LoadOutcome | None], ...]] = (_h2load, _k6, _hey, _wrk)
