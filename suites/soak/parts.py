"""What the service is made of; a leak replaces one part by a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contexts import ContextCache
from events import Events
from model import Model
from scores import Scores
from signing import Signer


@dataclass(frozen=True)
class Parts:
    """How each part is made: the model of its pause, cache and scores of how many they keep."""

    model: Callable[[float], Model] = Model
    contexts: Callable[[int], ContextCache] = ContextCache
    scores: Callable[[int], Scores] = Scores
    events: Callable[[], Events] = Events
    signer: Callable[[], Signer] = Signer
