"""Serve the application until SIGTERM.

uvicorn alone would raise the signal once more when all is done, which ends the process at once. Here Python ends as
always, and does what is registered with atexit: memcap makes its last list of allocations then.
"""

from __future__ import annotations

import signal
import sys

import uvicorn

IDLE_SECONDS = 1  # of a connection
MOST_AT_ONCE = 64  # requests; others are refused


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        "chat:application",
        timeout_keep_alive=IDLE_SECONDS,
        limit_concurrency=MOST_AT_ONCE,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
