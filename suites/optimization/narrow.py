"""Numbers in 32 bits in place of 64, where 24 bits of precision do. Python 3.8+, numpy."""

from __future__ import annotations

import numpy as np

_BLOCK = 4096


def narrow(values: np.ndarray) -> np.ndarray:
    """Return ``values`` as float32, each within 2**-24 of itself (relatively), or 2**-150 where that is more.

    Raises OverflowError for finite numbers beyond what float32 holds, rather than making them infinite.
    """
    with np.errstate(over="ignore"):
        narrowed = values.astype(np.float32)
    lost = np.isinf(narrowed) & np.isfinite(values)
    if lost.any():
        raise OverflowError(f"{int(lost.sum())} numbers do not fit into float32, as {values[lost].flat[0]!r}")
    return narrowed


def dot(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the sum of products of two vectors, added up in 64 bits, a block at a time.

    A sum in 32 bits would lose what 32-bit storage has kept; a copy in 64 bits would cost what it has saved.
    """
    total = 0.0
    for start in range(0, len(values), _BLOCK):
        block = slice(start, start + _BLOCK)
        total += float(np.dot(values[block].astype(np.float64), weights[block].astype(np.float64)))
    return total
