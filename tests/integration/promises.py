"""What a machine lacks is skipped, unless it was promised.

``MEMCAP_REQUIRE=docker,podman`` (a comma list) turns "skipped, because there is none" into a failure: the job that
promises a capability must not pass without it.
"""

from __future__ import annotations

import os

import pytest


def require(capability: str, *, available: bool, reason: str = "") -> None:
    """Return if ``available``; else skip the test, or fail it if MEMCAP_REQUIRE promises the capability."""
    if available:
        return
    why = reason or f"there is no {capability} here"
    if capability in {word.strip() for word in os.environ.get("MEMCAP_REQUIRE", "").split(",")}:
        pytest.fail(f"MEMCAP_REQUIRE promises {capability}, but: {why}", pytrace=False)
    pytest.skip(why)
