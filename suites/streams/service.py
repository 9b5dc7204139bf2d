"""A service that answers requests one after the other with streamed runs. Python 3.8+, standard library only."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Union

from messages import Message, as_message
from output import Run
from provider import Provider


class Service:
    """Run the agent loop for each request, and keep a registry of runs.

    A leaky service forgets to take finished runs out of its registry.
    """

    def __init__(self, provider: Provider, leaky: bool) -> None:
        self.runs: Dict[str, Run] = {}
        self._provider = provider
        self._leaky = leaky
        self._started = 0

    def start(self, messages: Iterable[Union[Message, Mapping[str, Any]]]) -> Run:
        """Validate the messages and register a new run; raise TypeError for a malformed message."""
        context = [as_message(message) for message in messages]
        self._started += 1
        run = Run(f"run-{self._started:06d}", context, self._leaky)
        self.runs[run.run_id] = run
        if not self._leaky:
            run.on_finish(lambda finished: self.runs.pop(finished.run_id, None))
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
                    run.push({"id": f"{run.run_id}.{place}", "text": text})
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
