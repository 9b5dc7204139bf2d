"""Serve the application until SIGTERM.

uvicorn alone would raise the signal once more when all is done, which ends the process at once. Here what is registered
with atexit is done before, while all objects are there: memcap makes its last list of allocations then.
"""

from __future__ import annotations

import atexit
import os
import signal

import uvicorn

IDLE_SECONDS = 1  # of a connection
MOST_AT_ONCE = 64  # requests; others are refused


def leave(number: int, frame: object) -> None:
    """End at once. Python would first close the generators of the event loop, and take apart all objects."""
    atexit._run_exitfuncs()
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, leave)
    uvicorn.run(
        "chat:application",
        timeout_keep_alive=IDLE_SECONDS,
        limit_concurrency=MOST_AT_ONCE,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
