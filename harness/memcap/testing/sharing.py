"""Tell whether a process runs in its parent's memory: from vfork to exec it does, and must not be counted twice.

``subprocess`` and ``os.posix_spawn`` start programs like that. The system call kcmp compares two processes, but many
containers forbid it. Without it, a vfork is known by its signs: the thread that called it is in uninterruptible sleep
until the exec, and the address spaces of both processes have the same size.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable

_KCMP_VM = 1  # linux/kcmp.h
_KCMP = {"x86_64": 312, "aarch64": 272, "riscv64": 272, "ppc64le": 354, "s390x": 343}  # of 64-bit processes
_TRIES = 3  # other threads of the parent may change its address space between two looks


def shares_memory(child: int, parent: int, thread: int) -> bool:
    """Tell whether ``child`` runs in the memory of ``parent``, whose ``thread`` started it (Linux)."""
    compare = _comparison()
    found = compare(child, parent) if compare else -1
    return found == 0 if found >= 0 else is_in_vfork(child, parent, thread)


def is_in_vfork(child: int, parent: int, thread: int) -> bool:
    """Tell the same without kcmp."""
    for _ in range(_TRIES):
        try:
            before, other = _address_space(parent), _address_space(child)
            with open(f"/proc/{parent}/task/{thread}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                state = file.read().rpartition(")")[2].split()[0]
        except (OSError, IndexError):  # one of them ended
            return False
        if state != "D":
            return False
        if before == other:
            return True
    return False


@functools.cache
def _comparison() -> Callable[[int, int], int] | None:
    """Return what compares the memory of two processes by PID: 0 if it is the same, -1 if that is not told.

    None where the system call is not known.
    """
    number = _KCMP.get(os.uname().machine) if sys.maxsize > 2**32 else None
    try:
        import ctypes  # noqa: PLC0415 - only where there are children
    except ImportError:
        return None
    if number is None:
        return None
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long

    def compare(one: int, other: int) -> int:
        return int(call(*map(ctypes.c_long, (number, one, other, _KCMP_VM, 0, 0))))

    return compare


def _address_space(pid: int) -> tuple[str, str]:
    """Return the sizes of all that a process has mapped, and of its data."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - read a hundred times a second
        fields = file.read().split()
    return fields[0], fields[5]
