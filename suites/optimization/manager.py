"""Who lets agents take their steps: a thread for each of them, or a few threads for all. Python 3.8+."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Callable, Dict, Optional, Tuple, Type

Step = Callable[[Any], Any]


class StepError(Exception):
    """Some agents failed; ``errors`` has their exceptions, ``results`` what the others returned, both by name."""

    def __init__(self, errors: Dict[str, BaseException], results: Dict[str, Any]) -> None:
        super().__init__(f"{len(errors)} of {len(errors) + len(results)} agents failed: {', '.join(errors)}")
        self.errors = errors
        self.results = results


class _Managed:
    """What both managers are: a context manager that can be closed."""

    def close(self) -> None:
        """End the threads."""
        raise NotImplementedError

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def _gathered(outcomes: Dict[str, Tuple[Any, Optional[BaseException]]]) -> Dict[str, Any]:
    errors = {name: error for name, (_, error) in outcomes.items() if error is not None}
    results = {name: result for name, (result, error) in outcomes.items() if error is None}
    if errors:
        raise StepError(errors, results)
    return results


def _outcome(step: Step, observation: Any) -> Tuple[Any, Optional[BaseException]]:
    try:
        return step(observation), None
    except Exception as error:
        return None, error


class ThreadPerAgent(_Managed):
    """A thread for each agent, which waits for its next observation: the plain way."""

    def __init__(self) -> None:
        self._agents: Dict[str, Tuple[threading.Thread, SimpleQueue, SimpleQueue]] = {}

    def register(self, name: str, step: Step) -> None:
        """Take in an agent; raises ValueError for a name that is taken."""
        if name in self._agents:
            raise ValueError(f"there is an agent {name!r} already")
        inbox: SimpleQueue = SimpleQueue()
        outbox: SimpleQueue = SimpleQueue()
        thread = threading.Thread(target=self._live, args=(step, inbox, outbox), daemon=True)
        thread.start()
        self._agents[name] = thread, inbox, outbox

    def step_all(self, observation: Any) -> Dict[str, Any]:
        """Let all agents take a step, at once; return what each returned. Raises StepError if any failed."""
        for _, inbox, _ in self._agents.values():
            inbox.put((observation,))
        return _gathered({name: outbox.get() for name, (_, _, outbox) in self._agents.items()})

    def close(self) -> None:
        """End the threads."""
        for _, inbox, _ in self._agents.values():
            inbox.put(None)
        for thread, _, _ in self._agents.values():
            thread.join()
        self._agents.clear()

    def __enter__(self) -> ThreadPerAgent:
        return self

    @staticmethod
    def _live(step: Step, inbox: SimpleQueue, outbox: SimpleQueue) -> None:
        for message in iter(inbox.get, None):
            outbox.put(_outcome(step, *message))


class PooledAgents(_Managed):
    """All agents share ``workers`` threads. An agent takes one step at a time, as all have finished when it returns."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(max_workers=workers)
        self._agents: Dict[str, Step] = {}

    def register(self, name: str, step: Step) -> None:
        """Take in an agent; raises ValueError for a name that is taken."""
        if name in self._agents:
            raise ValueError(f"there is an agent {name!r} already")
        self._agents[name] = step

    def step_all(self, observation: Any) -> Dict[str, Any]:
        """Let all agents take a step; return what each returned. Raises StepError if any failed."""
        waiting = {name: self._pool.submit(_outcome, step, observation) for name, step in self._agents.items()}
        return _gathered({name: future.result() for name, future in waiting.items()})

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
        self._agents.clear()

    def __enter__(self) -> PooledAgents:
        return self
