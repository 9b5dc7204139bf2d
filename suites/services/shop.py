"""A small shop: a Starlette application (ASGI), SQLAlchemy behind it, and a leak if it is asked for.

README.md has its requests and environment variables.
"""

from __future__ import annotations

import gc
import os
from typing import Any, Dict, List, Mapping

from catalogue import CATEGORIES, Related, make_related
from database import Item, Order, Store, open_database
from leaks import Leaking, RequestLeak, buffer_size
from sessions import SessionLeak
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

LEAKS = {"requests": RequestLeak, "sessions": SessionLeak}
MOST_OF_AN_ITEM = 100


class Shop:
    """The endpoints."""

    def __init__(self, store: Store, related: Dict[int, List[Related]]) -> None:
        self._store = store
        self._related = related

    async def health(self, request: Request) -> Response:
        self._store.check()
        return JSONResponse({"status": "ok"})

    async def item(self, request: Request) -> Response:
        """Answer with an item and the five that are related to it most closely."""
        item = self._existing(request.path_params["number"])
        closest = sorted(self._related[item.id], key=lambda each: each.score)[-5:]
        return JSONResponse({**_as_dict(item), "related": [each.item for each in closest]})

    async def items(self, request: Request) -> Response:
        page = request.query_params.get("page", "1")
        if not page.isdecimal() or not 1 <= int(page) <= 1_000_000:
            raise HTTPException(422, "page is a number from 1")
        return JSONResponse({"page": int(page), "items": [_as_dict(item) for item in self._store.page(int(page))]})

    async def add_to_cart(self, request: Request) -> Response:
        customer = await self._put_into_cart(request)
        return JSONResponse({"customer": customer}, status_code=201)

    async def order(self, request: Request) -> Response:
        """Put one more item into the cart, and order all that is in it."""
        customer = await self._put_into_cart(request)
        return JSONResponse(_order_as_dict(self._store.order(customer)), status_code=201)

    async def report(self, request: Request) -> Response:
        """Answer with the sales of each category; this reads all items and all that is related to them."""
        rows = {name: {"items": 0, "ordered": 0, "cents": 0, "related": 0} for name in CATEGORIES}
        sales = self._store.sales()
        category_of = {sale["item"].id: sale["item"].category for sale in sales}
        for sale in sales:
            item, row = sale["item"], rows[sale["item"].category]
            row["items"] += 1
            row["ordered"] += sale["ordered"]
            row["cents"] += sale["ordered"] * item.cents
            row["related"] += sum(category_of[each.item] == item.category for each in self._related[item.id])
        return JSONResponse(rows)

    async def collect(self, request: Request) -> Response:
        return JSONResponse({"collected": gc.collect()})

    def _existing(self, number: int) -> Item:
        item = self._store.item(number)
        if item is None:
            raise HTTPException(404, f"there is no item {number}")
        return item

    async def _put_into_cart(self, request: Request) -> int:
        """Put what the body says into a cart, and return whose cart it is."""
        try:
            body = await request.json()
            customer, number, count = (body[key] for key in ("customer", "item", "count"))
        except (ValueError, LookupError, TypeError):
            raise HTTPException(422, "expected an object of JSON with customer, item and count") from None
        if not all(type(each) is int for each in (customer, number, count)) or not 1 <= count <= MOST_OF_AN_ITEM:
            raise HTTPException(422, f"expected whole numbers, and a count from 1 to {MOST_OF_AN_ITEM}")
        self._store.add_to_cart(customer, self._existing(number).id, count)
        return customer


def _as_dict(item: Item) -> Dict[str, Any]:
    return {"id": item.id, "name": item.name, "cents": item.cents, "description": item.description}


def _order_as_dict(order: Order) -> Dict[str, Any]:
    lines = [{"item": line.item_id, "name": line.item.name, "count": line.count} for line in order.lines]
    cents = sum(line.count * line.item.cents for line in order.lines)
    return {"order": order.id, "customer": order.customer, "lines": lines, "cents": cents}


def make_application(environ: Mapping[str, str]) -> Starlette:
    """Return the application that the environment variables describe. Raises ValueError for an unknown leak."""
    name = environ.get("SHOP_LEAK", "")
    if name and name not in LEAKS:
        raise ValueError(f"SHOP_LEAK is {name!r}; expected one of {', '.join(LEAKS)}")
    store = Store(open_database(environ.get("SHOP_DATABASE", "sqlite:////tmp/shop.db")))
    shop = Shop(store, make_related(int(environ.get("SHOP_RELATED", "10"))))
    routes = [
        Route("/health", shop.health),
        Route("/items", shop.items),
        Route("/items/{number:int}", shop.item),
        Route("/cart", shop.add_to_cart, methods=["POST"]),
        Route("/orders", shop.order, methods=["POST"]),
        Route("/report", shop.report),
        Route("/collect", shop.collect, methods=["POST"]),
    ]
    leaking = [Middleware(Leaking, leak=LEAKS[name](buffer_size(environ)))] if name else []
    return Starlette(routes=routes, middleware=leaking)


application = make_application(os.environ)
gc.collect()
gc.freeze()  # so that a collection in a worker does not write to what it shares with the others
