"""Parse a large JSON document and hold it, as a service does that answers from an export."""

from __future__ import annotations

import io
import json
from typing import Any, Callable, Dict

from orders import make_orders, total_cents


def make_document(orders: int, seed: int) -> bytes:
    """Return one JSON object with ``orders`` orders, as the body of an HTTP response would be."""
    body = io.BytesIO()
    body.write(b'{"version": 3, "orders": [')
    for order in make_orders(orders, seed):
        body.write(b"" if order["number"] == 1 else b",\n")
        body.write(json.dumps(order).encode("utf-8"))
    body.write(b"]}")
    return body.getvalue()


def parse_and_hold(parse: Callable[[bytes], Any], orders: int, rounds: int, keep_all: bool) -> Dict[str, float]:
    """Parse a document ``rounds`` times as if it had been fetched anew; hold the newest, or with ``keep_all`` all."""
    body = make_document(orders, seed=21)
    held = []
    for _ in range(rounds):
        if not keep_all:
            held.clear()
        held.append(parse(body))
    newest = held[-1]["orders"]
    return {
        "bytes_parsed": len(body) * rounds,
        "orders_held": sum(len(document["orders"]) for document in held),
        "cents": sum(total_cents(order) for order in newest),
    }
