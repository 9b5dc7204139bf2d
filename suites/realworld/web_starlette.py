"""A Starlette application (ASGI) that serves concurrent requests of httpx within one event loop."""

from __future__ import annotations

import asyncio
from typing import Dict, Iterator

import httpx
from orders import Order, make_orders
from shop import Shop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CLIENTS = 20


def make_application(shop: Shop) -> Starlette:
    """Return the application: ``GET /orders?page=N`` and ``POST /orders``."""

    async def orders(request: Request) -> Response:
        return Response(shop.page(int(request.query_params.get("page", 0))), media_type="application/json")

    async def take(request: Request) -> Response:
        return JSONResponse(shop.take(await request.json()), status_code=201)

    return Starlette(routes=[Route("/orders", orders, methods=["GET"]), Route("/orders", take, methods=["POST"])])


async def _visit(client: httpx.AsyncClient, work: Iterator[Order]) -> Dict[str, int]:
    """Ask for a page and post an order for each order of ``work`` that no other client has taken."""
    requests = received = 0
    for order in work:
        page = await client.get("/orders", params={"page": order["number"]})
        taken = await client.post("/orders", json=order)
        if (page.status_code, taken.status_code) != (200, 201):
            raise RuntimeError(f"unexpected answers: {page.status_code}, {taken.status_code}")
        requests += 2
        received += len(page.content) + len(taken.content)
    return {"requests": requests, "bytes_received": received}


async def _serve(shop: Shop, requests: int) -> Dict[str, float]:
    transport = httpx.ASGITransport(app=make_application(shop))
    work = make_orders(requests // 2, seed=31)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        visits = await asyncio.gather(*(_visit(client, work) for _ in range(CLIENTS)))
    return {name: sum(visit[name] for visit in visits) for name in ("requests", "bytes_received")}


def serve(requests: int, keep_all: bool = False) -> Dict[str, float]:
    """Answer ``requests`` requests, every second of which posts an order; with ``keep_all`` cache every page."""
    shop = Shop(bounded=not keep_all)
    served = asyncio.run(_serve(shop, requests))
    return {**served, **shop.metrics()}
