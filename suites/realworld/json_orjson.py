"""The same large JSON document by orjson: parsed from the bytes, without a decoded copy."""

from __future__ import annotations

from typing import Dict

import orjson
from held_json import parse_and_hold


def run(orders: int, rounds: int, keep_all: bool = False) -> Dict[str, float]:
    """Parse with ``orjson.loads`` and hold the result."""
    return parse_and_hold(orjson.loads, orders, rounds, keep_all)
