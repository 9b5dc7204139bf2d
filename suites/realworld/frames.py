"""Group a pandas DataFrame of sales by city and product, day after day."""

from __future__ import annotations

from typing import Dict, List

import numpy as np
import pandas as pd
from orders import CITIES

PRODUCTS = 500


def make_frame(rows: int, seed: int) -> pd.DataFrame:
    """Return ``rows`` sales: city (categorical), product, quantity, price and weight; 29 bytes a row."""
    rng = np.random.Generator(np.random.PCG64(seed))
    return pd.DataFrame(
        {
            "city": pd.Categorical.from_codes(rng.integers(0, len(CITIES), rows, dtype=np.int8), categories=CITIES),
            "product": rng.integers(0, PRODUCTS, rows, dtype=np.int32),
            "quantity": rng.integers(1, 9, rows, dtype=np.int64),
            "cents": rng.integers(100, 50_000, rows, dtype=np.int64),
            "weight": rng.random(rows) * 30,
        }
    )


def group_by(rows: int, days: int, keep_all: bool = False) -> Dict[str, float]:
    """Sum up each day's sales and keep the sums; with ``keep_all`` the sales as well."""
    kept: List[pd.DataFrame] = []
    totals = None
    for day in range(days):
        frame = make_frame(rows, seed=day)
        frame["turnover"] = frame["quantity"] * frame["cents"]
        sums = frame.groupby(["city", "product"], observed=True).agg(
            turnover=("turnover", "sum"), weight=("weight", "mean"), sales=("turnover", "size")
        )
        totals = sums["turnover"] if totals is None else totals.add(sums["turnover"], fill_value=0)
        if keep_all:
            kept.append(frame)
        del frame
    return {"rows": rows * days, "groups": len(totals), "cents": int(totals.sum()), "frames_held": len(kept)}
