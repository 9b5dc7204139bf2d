"""Find the supervisor's report in a stream of output that the workload wrote to as well.

The report stands between two lines that begin with a secret. The supervisor got it in its environment and took it out
of there before the workload started, and it prints the report when no other process of the container is left. So
whoever writes such a frame is the supervisor (csrc/write.h).
"""

from __future__ import annotations

import secrets
from typing import Final

SECRET_VARIABLE: Final = "MEMCAP_SECRET"  # noqa: S105 - its name
_SECRET_BYTES: Final = 16  # 128 bits


def new_secret() -> str:
    """Return a secret for one run."""
    return secrets.token_hex(_SECRET_BYTES)


def begins_report(line: str, secret: str) -> bool:
    """Tell whether what follows ``line`` is the report."""
    return line == f"{secret} report"


def split_report(stream: str, secret: str) -> tuple[str, str | None]:
    """Return what the workload wrote to ``stream``, and the supervisor's report; None where that is not whole."""
    before, begin, rest = stream.rpartition(f"\n{secret} report\n")
    if not begin:
        return stream, None
    report, end, _ = rest.rpartition(f"{secret} end\n")
    return before, report if end else None


def own_journal(text: str, secret: str) -> str:
    """Return the supervisor's journal in ``text``: empty where its first line is not the secret, as others wrote it."""
    first, _, rest = text.partition("\n")
    return rest if first == secret else ""
