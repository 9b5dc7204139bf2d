"""Signatures of answers, made by a C library through ctypes: libcrypto, which Python has loaded for its hashlib."""

from __future__ import annotations

import ctypes
import hashlib  # noqa: F401 - it loads libcrypto
import re
from pathlib import Path

SIGNED_BYTES = 16 * 1024  # of a context
_DIGEST_BYTES = 32
_SOURCE = __file__.encode()  # libcrypto can tell who allocated what


def find_libcrypto() -> str:
    """Return the path of the libcrypto of this process. Raises RuntimeError if it has none."""
    found = re.search(r"/\S*/libcrypto\S*", Path("/proc/self/maps").read_text())
    if found is None:
        raise RuntimeError("this Python has no libcrypto of its own; use one whose OpenSSL is a shared library")
    return found[0]


class Signer:
    """Signs contexts. The library gets a copy in memory of its own, which has to be given back to it."""

    def __init__(self) -> None:
        library = ctypes.CDLL(find_libcrypto())
        self._copy = library.CRYPTO_memdup
        self._copy.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int)
        self._copy.restype = ctypes.c_void_p
        self._digest = library.SHA256
        self._digest.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
        self._free = library.CRYPTO_free
        self._free.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
        self._free.restype = None

    def sign(self, context: bytearray) -> str:
        """Return the SHA-256 of a context's beginning, in hexadecimal."""
        digest = ctypes.create_string_buffer(_DIGEST_BYTES)
        copy = self._copy(bytes(context[:SIGNED_BYTES]), SIGNED_BYTES, _SOURCE, 0)  # kept by the leak: native
        self._digest(copy, SIGNED_BYTES, digest)
        self._give_back(copy)
        return digest.raw.hex()

    def _give_back(self, copy: int) -> None:
        self._free(copy, _SOURCE, 0)
