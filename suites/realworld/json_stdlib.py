"""A large JSON document by the standard library: the whole text is decoded, then parsed."""

from __future__ import annotations

import json
from typing import Dict

from held_json import parse_and_hold


def run(orders: int, rounds: int, keep_all: bool = False) -> Dict[str, float]:
    """Parse with ``json.loads`` and hold the result."""
    return parse_and_hold(json.loads, orders, rounds, keep_all)
