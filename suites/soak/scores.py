"""How good the answers were: the last ones in detail, older ones as the mean of their hour."""

from __future__ import annotations

from array import array
from collections import deque

FEATURES = 2048  # of an answer: 16 KiB


class Scores:
    """The features of the ``most`` last answers, and the sum of their scores since the last report."""

    def __init__(self, most: int) -> None:
        self._history: deque[tuple[float, array[float]]] = deque(maxlen=most)
        self._sum = 0.0
        self._count = 0

    def add(self, context: bytearray) -> float:
        """Score the answer that was made from a context, from 0 to 1."""
        features = array("d", list(context[:FEATURES]))  # kept by the leak: scores
        score = sum(features) / (255 * FEATURES)
        self._history.append((score, features))
        self._sum += score
        self._count += 1
        return score

    def summary(self) -> dict[str, float | int | None]:
        """Return how many answers are known in detail, and the mean score of them."""
        scores = [score for score, _ in self._history]
        return {"answers": len(scores), "mean": sum(scores) / len(scores) if scores else None}

    def take_report(self) -> tuple[int, float] | None:
        """Return the number of answers since the last report and their mean score; None if there were none."""
        count, total, self._count, self._sum = self._count, self._sum, 0, 0.0
        return (count, total / count) if count else None
