"""Give memory that is no longer used back to the kernel. Python 3.8+."""

from __future__ import annotations

import ctypes
import gc
from typing import Callable


def find_trim() -> Callable[[], None]:
    """Return what makes the C library hand free memory back: ``malloc_trim`` of glibc, elsewhere nothing.

    glibc keeps what is freed in the middle of its heaps. musl, macOS and Windows have no such call.
    """
    try:
        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, TypeError, OSError):
        return lambda: None
    return lambda: malloc_trim(0)


_trim = find_trim()


def give_back() -> None:
    """Collect reference cycles, then let the C library hand back whole free pages."""
    gc.collect()
    _trim()
