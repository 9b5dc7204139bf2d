"""A service that answers requests one after the other with streamed runs. Python 3.8+, standard library only."""

from __future__ import annotations

import itertools
from typing import Any, Dict, Iterable, List, Mapping, Union

from events import Events
from messages import Message, as_message
from output import Run
from provider import Provider


class Service:
    """Run the agent loop for each request, and keep a registry of runs.

    A leaky service registers a run before it knows that its messages are well-formed, and forgets what must be undone
    when a run is finished: to take it out of the registry, and to remove it from the listeners.
    """

    def __init__(self, provider: Provider, leaky: bool) -> None:
        self.runs: Dict[str, Run] = {}
        self.events = Events()
        self._provider = provider
        self._leaky = leaky
        self._numbers = itertools.count(1)

    def start(self, messages: Iterable[Union[Message, Mapping[str, Any]]]) -> Run:
        """Validate the messages and register a new run; raise TypeError for a malformed message."""
        run = Run(f"run-{next(self._numbers):06d}", [], self._leaky)
        if self._leaky:
            self.runs[run.run_id] = run
        for message in messages:
            run.context.append(as_message(message))
        self.runs[run.run_id] = run
        remove_listener = self.events.listen(run.notice)
        if not self._leaky:
            run.on_finish(lambda finished: self.runs.pop(finished.run_id, None))
            run.on_finish(lambda finished: remove_listener())
        return run

    def answer(self, run: Run, steps: int, deltas: int, tokens: int) -> str:
        """Stream ``steps`` answers of ``deltas`` chunks and ``tokens`` tokens each; return the last one.

        Whatever happens on the way, the run is finished in the end.
        """
        reason = "error"
        try:
            for _ in range(steps):
                run.begin_step()
                for place, text in enumerate(self._provider.stream(deltas, tokens)):
                    payload: Dict[str, Any] = {"id": f"{run.run_id}.{place}", "text": text}
                    payload.update(self._provider.details(place))
                    run.push(payload)
                run.end_step()
            reason = "stop"
        finally:
            run.finish(reason)
        return run.text or ""

    def retained(self, handles: Iterable[Run] = ()) -> Dict[str, float]:
        """Count what the registered runs, and those that a caller still has in hand, hold."""
        held: Dict[int, Run] = {id(run): run for run in list(self.runs.values()) + list(handles)}
        runs: List[Run] = list(held.values())
        return {
            "runs_registered": len(self.runs),
            "chunks_retained": sum(len(run.buffer) for run in runs),
            "parts_retained": sum(len(run.processor.parts) for run in runs),
            "step_chunks_retained": sum(len(step.chunks) for run in runs for step in run.steps),
            "context_characters": sum(len(message.content) for run in runs for message in run.context),
        }
