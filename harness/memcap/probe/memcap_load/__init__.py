"""Send a fixed number of HTTP requests at a fixed rate, and report how they were answered.

Runs next to the server's container or outside containers, on Python 3.8 or newer with the standard library alone.

    python memcap_load [--orders FILE] [--report FILE]

The orders are a JSON object, read from FILE or stdin; `load/orders.py` makes them. The report is a JSON object,
written to FILE or stdout; `load/answers.py` reads it. SIGTERM and SIGINT end the load early, with a report of
what was done. The exit code is 0 if there is a report, 2 if the orders cannot be read.

The load is an open loop: request N is due N / rate seconds after the start, whether or not earlier ones were answered.
Each of `concurrency` workers has a connection. A worker takes the next number, waits until that is due, sends the
request and waits for the answer. While all workers wait for answers, requests become late; their latency counts from
the due time all the same. A request that is not answered `timeout_seconds` after its due time is given up. So the load
ends when the last request times out at the latest, and memory does not grow with the number of requests.

`latency_seconds` has all answers, and timeouts with the time until they were given up. `lateness_seconds` is the
client's own: how long after the due time a worker woke up that was free by then. `queued` counts the requests for which
no worker was free in time. `cpu_seconds` is the client's: close to the load's duration, the client was too slow.

Errors by kind: `connect` (refused, or an unknown host), `timeout`, `reset` (the connection ended before the answer
did), `status` (400 or more), `bad_answer` (not HTTP/1). A server may close an idle connection just when a request is
sent. The kernel knows whether it had read the request. If not, the request is sent again on a new connection, and
`connections.retried` counts it; so the number of requests that servers read is exact.
"""

from __future__ import annotations

FORMAT = 1  # of orders and report
