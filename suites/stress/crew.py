"""Agents in threads of their own, which work at the same time against one manager. Python 3.8+."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import List, Optional

from load import READS, Service
from manager import MemoryManager, NoRoom


class Crew:
    """``agents`` threads; each call of `work` sets them all going and waits for the last."""

    def __init__(self, manager: MemoryManager, agents: int, seed: int) -> None:
        self.services = [Service(manager, f"agent-{number}", seed, document=32 * 1024) for number in range(agents)]
        self._orders: List[SimpleQueue[Optional[int]]] = [SimpleQueue() for _ in self.services]
        self._answers: SimpleQueue[Optional[BaseException]] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._live, args=(service, self._orders[number]), daemon=True)
            for number, service in enumerate(self.services)
        ]
        for thread in self._threads:
            thread.start()

    operations_a_unit = READS + 2  # each read, the document read back, and the unit itself

    def work(self, units: int) -> None:
        """Let every agent do ``units`` units at once. Raises what an agent raised, an emergency stop first."""
        for orders in self._orders:
            orders.put(units)
        answers = [self._answers.get() for _ in self._threads]
        raised = sorted((each for each in answers if each is not None), key=lambda each: isinstance(each, NoRoom))
        if raised:
            raise raised[0]

    def dismiss(self) -> None:
        """End the threads."""
        for orders in self._orders:
            orders.put(None)
        for thread in self._threads:
            thread.join()

    def _live(self, service: Service, orders: SimpleQueue[Optional[int]]) -> None:
        while True:
            units = orders.get()
            if units is None:
                return
            raised: Optional[BaseException] = None
            try:
                service.work(units)
            except BaseException as error:  # it is raised again where the work was ordered
                raised = error
            self._answers.put(raised)
