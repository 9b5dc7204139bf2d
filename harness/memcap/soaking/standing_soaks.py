"""The soaks that a daemon has containers of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SoakState(str, Enum):
    """Whether a soak still runs. One that ended stays until its report is saved."""

    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class SoakStanding:
    """A soak of which there is a container, and how far it is. ``started`` is an ISO 8601 time in UTC."""

    id: str
    name: str
    image: str
    started: str
    state: SoakState
    elapsed_seconds: float
    duration_seconds: float
    container: str
