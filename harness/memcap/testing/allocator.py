"""Have the C library return to the kernel what the program has freed: free memory that it keeps is no growth.

glibc keeps more the longer a program runs: after the first free of a large block it takes smaller ones from its heap,
which shrinks at its end only. Other allocators (musl's, jemalloc, mimalloc) are left alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable


def return_free_memory() -> None:
    """Return what can be returned. It takes milliseconds where much was freed, and microseconds elsewhere."""
    give_back = _function()
    if give_back is not None:
        give_back()


@functools.cache
def _function() -> Callable[[], object] | None:
    """Return the C library's function for it; None where there is none."""
    if sys.platform == "win32":
        return None
    try:
        import ctypes  # noqa: PLC0415 - for memory tests only
    except ImportError:
        return None
    library = ctypes.CDLL(None)
    if sys.platform == "darwin" and hasattr(library, "malloc_zone_pressure_relief"):
        return functools.partial(library.malloc_zone_pressure_relief, None, ctypes.c_size_t(0))  # of all zones, all
    if hasattr(library, "malloc_trim"):
        return functools.partial(library.malloc_trim, ctypes.c_size_t(0))
    return None
