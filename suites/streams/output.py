"""One streamed run: its chunks, the parts that processors see, its steps. Python 3.8+, standard library only.

The leak: a finished run keeps its buffer, so that a late reader could replay it, although none ever comes. The fix:
``finish`` releases everything but the answer. Both are this one class; ``leaky`` chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional

from messages import Chunk, Message, request_body

MODEL = "scripted-1"


@dataclass
class Step:
    """What one call of the model needed and gave: the request as it was sent, and the chunks of the answer."""

    request: str
    chunks: List[Chunk]


class ProcessorState:
    """What an output processor has seen of a run, as it may want to look back, and what it made of that itself."""

    def __init__(self) -> None:
        self.parts: List[Chunk] = []
        self.custom: Dict[str, Any] = {}

    def process(self, chunk: Chunk) -> None:
        """Look at a chunk; a real processor would redact or count."""
        self.parts.append(chunk)


class Run:
    """One streamed answer in one or more steps.

    While it streams, it holds its context, a buffer of its chunks (a reader may join late), its steps and the
    processor's state, leaky or not: the loop over steps needs them.
    """

    def __init__(self, run_id: str, context: List[Message], leaky: bool) -> None:
        self.run_id = run_id
        self.context = context
        self.buffer: List[Chunk] = []
        self.steps: List[Step] = []
        self.processor = ProcessorState()
        self.finished = False
        self.text: Optional[str] = None
        self.notices: List[str] = []
        self._leaky = leaky
        self._on_finish: List[Callable[[Run], object]] = []

    def begin_step(self) -> None:
        """Send the context, with what was answered so far, to the model."""
        self.steps.append(Step(request_body(MODEL, self.context), []))

    def push(self, payload: Dict[str, Any]) -> Chunk:
        """Take in what the provider sent; return it as the chunk that a live reader gets."""
        chunk = self._buffered("text-delta", payload)
        self.steps[-1].chunks.append(chunk)
        self.processor.process(chunk)
        return chunk

    def _buffered(self, kind: str, payload: Dict[str, Any]) -> Chunk:
        if self.finished:
            raise RuntimeError(f"{self.run_id} is finished and takes no more chunks")
        chunk = Chunk(kind, self.run_id, len(self.steps), payload)
        self.buffer.append(chunk)
        return chunk

    def end_step(self) -> None:
        """Add the step's answer to the context of the next."""
        answer = "".join(chunk.payload["text"] for chunk in self.steps[-1].chunks)
        self.context.append(Message("assistant", answer))

    def notice(self, event: str) -> None:
        """Hear of something that concerns all runs, such as a new limit of the provider."""
        self.notices.append(event)

    def on_finish(self, callback: Callable[[Run], object]) -> None:
        """Call ``callback`` with this run when it finishes."""
        self._on_finish.append(callback)

    def finish(self, reason: str = "stop") -> None:
        """End the run: keep the answer, tell the listeners and, unless leaky, release all else."""
        self._buffered("finish", {"reason": reason, "steps": len(self.steps)})
        self.finished = True
        self.text = self.context[-1].content if reason == "stop" else None
        for callback in self._on_finish:
            callback(self)
        if not self._leaky:
            self._on_finish.clear()
            self.context, self.buffer, self.steps = [], [], []
            self.processor = ProcessorState()
            self.notices = []

    def replay(self) -> Iterator[Chunk]:
        """Yield the chunks that are still in the buffer."""
        return iter(self.buffer)
