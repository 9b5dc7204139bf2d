"""A Flask application (WSGI) that serves requests of its test client, one after the other."""

from __future__ import annotations

from typing import Dict

from flask import Flask, Response, jsonify, request
from orders import make_orders
from shop import Shop


def make_application(shop: Shop) -> Flask:
    """Return the application: ``GET /orders?page=N`` and ``POST /orders``."""
    application = Flask("shop", static_folder=None)

    @application.get("/orders")
    def orders() -> Response:
        return Response(shop.page(request.args.get("page", 0, type=int)), mimetype="application/json")

    @application.post("/orders")
    def take() -> tuple:
        return jsonify(shop.take(request.get_json())), 201

    return application


def serve(requests: int, keep_all: bool = False) -> Dict[str, float]:
    """Answer ``requests`` requests, every second of which posts an order; with ``keep_all`` cache every page."""
    shop = Shop(bounded=not keep_all)
    client = make_application(shop).test_client()
    received = 0
    for number, order in enumerate(make_orders(requests // 2, seed=31), start=1):
        page = client.get("/orders", query_string={"page": number})
        taken = client.post("/orders", json=order)
        if (page.status_code, taken.status_code) != (200, 201):
            raise RuntimeError(f"unexpected answers: {page.status}, {taken.status}")
        received += len(page.data) + len(taken.data)
    return {"requests": 2 * number, "bytes_received": received, **shop.metrics()}
