"""Streams that are under way at once, in threads. A module of its own: threads cost memory that others should not pay.

Python 3.8+, standard library only.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterator, List

from output import Run
from provider import Provider
from service import Service

DELTAS = 55


class SimultaneousProvider(Provider):
    """Let answers begin only when so many are asked for, so that all of them are under way at once."""

    def __init__(self, seed: int, answers: int) -> None:
        super().__init__(seed)
        self._barrier = threading.Barrier(answers)

    def stream(self, deltas: int, tokens: int) -> Iterator[str]:
        """Wait for the others, then stream an answer."""
        self._barrier.wait()
        return super().stream(deltas, tokens)


def concurrent(
    rounds: int = 40, at_once: int = 8, context_tokens: int = 10_000, answer_tokens: int = 10_000, leaky: bool = False
) -> Iterator[Dict[str, float]]:
    """Serve requests in threads, all of a round under way at once; each cycle is one round."""
    provider = SimultaneousProvider(33, at_once)
    service = Service(provider, leaky)
    under_way: List[int] = []

    def count(finished: Run) -> None:
        under_way.append(1 + sum(not run.finished for run in list(service.runs.values())))

    def serve(_: int) -> None:
        run = service.start(provider.context(context_tokens, turns=20))
        run.on_finish(count)
        service.answer(run, 1, DELTAS, answer_tokens)

    with ThreadPoolExecutor(at_once) as threads:
        for _ in range(rounds):
            list(threads.map(serve, range(at_once)))  # raises what a thread raised
            yield {**service.retained(), "most_under_way": max(under_way)}
            under_way.clear()
