"""Render pages of a report with Jinja: inheritance, a macro, filters, autoescaping."""

from __future__ import annotations

from typing import Dict, List

from jinja2 import DictLoader, Environment, StrictUndefined
from orders import make_orders

SOURCES = {
    "base.html": """<!doctype html>
<html><head><title>{% block title %}{% endblock %}</title></head>
<body><main>{% block content %}{% endblock %}</main><footer>{{ orders | length }} orders</footer></body></html>
""",
    "money.html": """{% macro money(cents) -%}
<span class="money">{{ "%.2f" | format(cents / 100) }} €</span>
{%- endmacro %}
""",
    "report.html": """{% extends "base.html" %}
{% from "money.html" import money %}
{% block title %}Report {{ number }}{% endblock %}
{% block content %}
{% for order in orders %}
<section class="{{ loop.cycle('odd', 'even') }}{% if not order.paid %} unpaid{% endif %}">
<h2>{{ loop.index }}. {{ order.customer.name }}, {{ order.customer.city | upper }}</h2>
<p>{{ order.customer.email }}</p>
<table>
{% for line in order.lines %}
<tr><td>{{ line.sku }}</td><td>{{ line.title | title }}</td>
<td>{{ line.quantity }}</td><td>{{ money(line.cents) }}</td></tr>
{% endfor %}
</table>
<p>{{ order.note | capitalize }} {{ order.tags | join(", ") }}</p>
</section>
{% endfor %}
{% endblock %}
""",
}


def render(pages: int, orders: int, keep_all: bool = False) -> Dict[str, float]:
    """Render ``pages`` pages of ``orders`` orders and let go of each; with ``keep_all`` keep their text."""
    environment = Environment(loader=DictLoader(SOURCES), autoescape=True, undefined=StrictUndefined)
    template = environment.get_template("report.html")
    kept: List[str] = []
    characters = 0
    for number in range(pages):
        page = template.render(number=number, orders=list(make_orders(orders, seed=number)))
        characters += len(page)
        if keep_all:
            kept.append(page)
    return {"pages": pages, "characters": characters, "pages_held": len(kept)}
