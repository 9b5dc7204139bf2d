"""What both web applications of this suite do behind their framework: pages of orders, cached, and new orders taken.

Standard library only.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any, Dict, Optional

from orders import make_orders, total_cents

ORDERS_A_PAGE = 100
CACHED_PAGES = 100


class Shop:
    """A cache of pages, least recently asked for evicted; unbounded it is the mistake that the twins make."""

    def __init__(self, *, bounded: bool) -> None:
        self._limit: Optional[int] = CACHED_PAGES if bounded else None
        self._pages: OrderedDict[int, bytes] = OrderedDict()
        self._cents = 0

    def page(self, number: int) -> bytes:
        """Return a page of orders as JSON, about 59 kB."""
        body = self._pages.pop(number, None)
        if body is None:
            orders = list(make_orders(ORDERS_A_PAGE, seed=number))
            body = json.dumps({"page": number, "orders": orders}).encode("utf-8")
        self._pages[number] = body
        if self._limit is not None and len(self._pages) > self._limit:
            self._pages.popitem(last=False)
        return body

    def take(self, order: Dict[str, Any]) -> Dict[str, int]:
        """Take an order that a client sent; return what it costs."""
        cents = total_cents(order)
        self._cents += cents
        return {"number": order["number"], "cents": cents}

    def metrics(self) -> Dict[str, float]:
        """Return what proves that the work was done, and what is still held."""
        return {"pages_cached": len(self._pages), "cents": self._cents}
