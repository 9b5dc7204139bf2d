"""The last words of a workload."""

from __future__ import annotations

from typing import Final

from memcap.model import RawRun

OUTPUT_TAIL_CHARACTERS: Final = 4000


def output_tail(raw: RawRun) -> str:
    """Return the last words of the workload: the ends of its standard output and of its standard error."""
    ends = (raw.output[-OUTPUT_TAIL_CHARACTERS // 2 :], raw.error_output[-OUTPUT_TAIL_CHARACTERS // 2 :])
    return "\n".join(end.rstrip("\n") for end in ends if end)
