"""Pickle a graph of objects that share and refer back to each other, and load it again."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Dict, List

from orders import make_orders


@dataclass
class Customer:
    """A customer, who knows the orders."""

    name: str
    email: str
    orders: List["Order"] = field(default_factory=list)


@dataclass
class Line:
    """A line of an order."""

    sku: str
    quantity: int
    cents: int


@dataclass
class Order:
    """An order, which knows its customer."""

    number: int
    customer: Customer
    lines: List[Line]
    note: str


Graph = Dict[int, Customer]


def make_graph(orders: int, seed: int) -> Graph:
    """Return customers by id, with their orders."""
    customers: Graph = {}
    for order in make_orders(orders, seed):
        known = order["customer"]
        customer = customers.get(known["id"])
        if customer is None:
            customer = customers[known["id"]] = Customer(known["name"], known["email"])
        lines = [Line(line["sku"], line["quantity"], line["cents"]) for line in order["lines"]]
        customer.orders.append(Order(order["number"], customer, lines, order["note"]))
    return customers


def _cents(graph: Graph) -> int:
    everything = (line for customer in graph.values() for order in customer.orders for line in order.lines)
    return sum(line.quantity * line.cents for line in everything)


def dump_and_load(orders: int, rounds: int, keep_all: bool = False) -> Dict[str, float]:
    """Dump a graph and load it ``rounds`` times; hold the newest copy, or with ``keep_all`` all of them."""
    graph = make_graph(orders, seed=61)
    copies: List[Graph] = []
    written = 0
    for _ in range(rounds):
        if not keep_all:
            copies.clear()
        pickled = pickle.dumps(graph, protocol=5)
        written += len(pickled)
        copies.append(pickle.loads(pickled))
        del pickled
    if _cents(copies[-1]) != _cents(graph):
        raise RuntimeError("the copy differs from what was pickled")
    return {"orders": orders, "bytes_pickled": written, "copies_held": len(copies), "cents": _cents(graph)}
