"""Hand out the CPUs of the daemon's machine to runs that are pinned, so that no two of them share one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class CpuPool:
    """The CPUs that runs may be pinned to. A run takes all of its own at once or waits: no deadlock."""

    def __init__(self, cpus: Iterable[int]) -> None:
        self._free = set(cpus)
        self.count = len(self._free)
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int | None) -> Iterator[str]:
        """Yield the names of ``count`` CPUs that nobody else has, as "0,1"; wait for them. None takes none: "".

        Raises ValueError for more than there are, which would be waiting for ever.
        """
        if count is None:
            yield ""
            return
        if not 0 < count <= self.count:
            raise ValueError(f"{count} of {self.count} CPUs cannot be had")
        with self._changed:
            self._changed.wait_for(lambda: len(self._free) >= count)
            own = sorted(self._free)[:count]
            self._free.difference_update(own)
        try:
            yield ",".join(map(str, own))
        finally:
            with self._changed:
                self._free.update(own)
                self._changed.notify_all()
