"""Messages and chunks: what goes into a model and what comes out. Python 3.8+, standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping

ROLES = ("system", "user", "assistant", "tool")


@dataclass
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass
class Chunk:
    """One piece of a streamed answer, as it came from the provider."""

    kind: str
    run_id: str
    step: int
    payload: Dict[str, Any]


def as_message(value: object) -> Message:
    """Return ``value`` as a message; raise TypeError for anything that is not a mapping with role and content."""
    if isinstance(value, Message):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(
            f"a message must be a mapping with the texts 'role' and 'content', not {type(value).__name__}: {value!r}"
        )
    role, content = value.get("role"), value.get("content")
    if role not in ROLES:
        raise TypeError(f"a message's 'role' must be one of {', '.join(ROLES)}, not {role!r}")
    if not isinstance(content, str):
        raise TypeError(f"a message's 'content' must be text, not {type(content).__name__}: {content!r}")
    return Message(role, content)


def request_body(model: str, messages: Iterable[Message]) -> str:
    """Return the JSON that is sent to the provider for these messages."""
    turns: List[Dict[str, str]] = [{"role": message.role, "content": message.content} for message in messages]
    return json.dumps({"model": model, "stream": True, "messages": turns})
