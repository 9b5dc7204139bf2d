"""Orders of a shop, from a seed: the data that most of this suite's workloads work on.

An order is made of new objects each time and nothing of it is kept here, so what stays in memory is held by a workload.
The same on every Python. Standard library only.
"""

from __future__ import annotations

import random
from typing import Any, Dict, Iterator

VOCABULARY = (
    "harbour lantern copper meadow violet thunder basket winter orchard pencil marble silver captain kitchen "
    "journey feather mountain whisper garden engine"
)
WORDS = VOCABULARY.split()
CITIES = ("Porto", "Tromsø", "Kraków", "Nagoya", "Valdivia", "Tampere", "Izmir", "Cork")
CUSTOMERS = 2000
Order = Dict[str, Any]


def make_orders(count: int, seed: int) -> Iterator[Order]:
    """Yield ``count`` orders of one to five lines, numbered from 1; about 590 bytes of JSON each."""
    rng = random.Random(seed)
    for number in range(1, count + 1):
        customer = rng.randrange(CUSTOMERS)
        yield {
            "number": number,
            "customer": {
                "id": customer,
                "name": f"{WORDS[customer % 20].title()} {WORDS[customer % 19].title()}",
                "email": f"customer{customer}@example.org",
                "city": CITIES[customer % 8],
            },
            "lines": [
                {
                    "sku": f"SKU-{rng.randrange(5000):05d}",
                    "title": f"{rng.choice(WORDS)} {rng.choice(WORDS)} {rng.choice(WORDS)}",
                    "quantity": rng.randrange(1, 9),
                    "cents": rng.randrange(100, 50_000),
                }
                for _ in range(rng.randrange(1, 6))
            ],
            "paid": rng.random() < 0.8,
            "weight": round(rng.uniform(0.1, 30.0), 3),
            "note": " ".join(rng.choices(WORDS, k=12)),
            "tags": rng.sample(WORDS, 3),
            "coupon": None,
        }


def total_cents(order: Order) -> int:
    """Return what the order costs."""
    return sum(line["quantity"] * line["cents"] for line in order["lines"])
