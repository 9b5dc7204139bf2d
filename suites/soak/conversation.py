"""What is known of a conversation wherever it is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """A conversation with a visitor, and how many messages it has."""

    id: int
    messages: int


@dataclass(frozen=True)
class Exchange:
    """A message and what was answered."""

    question: str
    answer: str
    signature: str
