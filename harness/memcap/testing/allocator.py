"""Have the allocators of this process return to the kernel what the program has freed: free memory is no growth.

glibc keeps more the longer a program runs: after the first free of a large block it takes smaller ones from its heap,
which shrinks at its end only. jemalloc, mimalloc and tcmalloc, linked or preloaded, keep most of what was freed for a
while; mimalloc always keeps some segments. musl has no function for it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctypes import CDLL


def return_free_memory() -> None:
    """Return what can be returned. It takes milliseconds where much was freed, and microseconds elsewhere."""
    for give_back in _functions():
        give_back()


@functools.cache
def _functions() -> tuple[Callable[[], object], ...]:
    """Return the allocators' functions for it; none where there are none."""
    if sys.platform == "win32":
        return ()
    try:
        import ctypes  # noqa: PLC0415 - for memory tests only
    except ImportError:
        return ()
    return tuple(_found(ctypes.CDLL(None)))


def _found(library: CDLL) -> list[Callable[[], object]]:
    """Return those that are in this process, however they came there."""
    import ctypes  # noqa: PLC0415 - see above

    none, found = ctypes.c_size_t(0), list[Callable[[], object]]()
    if hasattr(library, "mallctl"):  # jemalloc 5 (https://jemalloc.net/jemalloc.3.html): this thread's, then all arenas
        found += [
            functools.partial(library.mallctl, name, None, None, None, none)
            for name in (b"thread.tcache.flush", b"arena.4096.purge")
        ]
    if hasattr(library, "mi_collect"):
        found.append(functools.partial(library.mi_collect, ctypes.c_bool(True)))
    if hasattr(library, "MallocExtension_ReleaseFreeMemory"):  # tcmalloc of gperftools
        found.append(library.MallocExtension_ReleaseFreeMemory)
    if sys.platform == "darwin" and hasattr(library, "malloc_zone_pressure_relief"):
        found.append(functools.partial(library.malloc_zone_pressure_relief, None, none))  # of all zones, all
    if hasattr(library, "malloc_trim"):
        found.append(functools.partial(library.malloc_trim, none))
    return found
