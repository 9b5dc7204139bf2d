"""A thread pool that compresses blocks, and a process pool whose workers hold a table each.

In both, every worker has all it will ever have before the first task ends, so that the peak is no matter of chance.
"""

from __future__ import annotations

import copy
import multiprocessing
import random
import threading
import zlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Dict, List, Optional, Tuple

from orders import Order, make_orders, total_cents

BLOCK = 1 << 20
PARTS = 20
_PATTERN = 1 << 14  # less than zlib's window, so that what repeats it compresses well
_PATIENCE = 60  # seconds; a worker that the kernel killed never comes

_thread = threading.local()
_table: List[Order] = []
_copies: List[List[Order]] = []


def _equip_thread(barrier: threading.Barrier, buffer_bytes: int) -> None:
    _thread.buffer = bytearray(b"\1") * buffer_bytes
    barrier.wait(_PATIENCE)


def _compress(number: int, keep: bool) -> Tuple[int, Optional[bytes]]:
    """Fill and compress the buffer of this thread; return how small it got, and if asked to ``keep``, a copy."""
    pattern = random.Random(number).randbytes(_PATTERN)
    buffer = _thread.buffer
    for start in range(0, len(buffer), _PATTERN):
        buffer[start : start + _PATTERN] = pattern
    compressor = zlib.compressobj(1)
    size = sum(len(compressor.compress(memoryview(buffer)[at : at + BLOCK])) for at in range(0, len(buffer), BLOCK))
    return size + len(compressor.flush()), bytes(buffer) if keep else None


def threads(tasks: int, workers: int, buffer_bytes: int, keep_all: bool = False) -> Dict[str, float]:
    """Compress ``tasks`` buffers in threads that have one each; with ``keep_all`` keep what was compressed."""
    barrier = threading.Barrier(workers)
    with ThreadPoolExecutor(workers, initializer=_equip_thread, initargs=(barrier, buffer_bytes)) as pool:
        results = list(pool.map(_compress, range(tasks), [keep_all] * tasks))
    return {
        "bytes_read": tasks * buffer_bytes,
        "bytes_compressed": sum(size for size, _ in results),
        "bytes_held": sum(len(kept) for _, kept in results if kept is not None),
    }


def _load_table(barrier: threading.Barrier, orders: int) -> None:
    _table.extend(make_orders(orders, seed=51))
    barrier.wait(_PATIENCE)


def _sum_up(task: int, keep: bool) -> int:
    """Return what a part of the worker's table costs; with ``keep`` the worker takes a copy of it too."""
    first = task % PARTS * len(_table) // PARTS
    part = _table[first : first + len(_table) // PARTS]
    if keep:
        _copies.append(copy.deepcopy(part))
    return sum(total_cents(order) for order in part)


def processes(tasks: int, workers: int, orders: int, start_method: str, keep_all: bool = False) -> Dict[str, float]:
    """Sum up parts of a table, one a task, in processes that hold all of it; with ``keep_all`` copies of them too."""
    context = multiprocessing.get_context(start_method)
    equipment = (context.Barrier(workers), orders)
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_load_table, initargs=equipment) as pool:
            sums = list(pool.map(_sum_up, range(tasks), [keep_all] * tasks))
    except BrokenProcessPool:
        # The pool has ended the others by now, unless its thread failed over a future that `map` had cancelled in the
        # same moment (InvalidStateError, seen on 3.10): then the interpreter would wait for them for ever.
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    return {"tasks": len(sums), "workers": workers, "cents": sum(sums)}
