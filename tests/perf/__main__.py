"""Measure what memcap itself takes, and print a table: no test, since a busy machine is slower.

A measurement is a function of a module here, `rows(scale)`; MEASUREMENTS has it under the name that `--only` takes.
"""

from __future__ import annotations

import argparse

from perf import containers, large_result, start_up
from perf.figures import Measurement, Row, Scale
from tabulate import tabulate

MEASUREMENTS: dict[str, Measurement] = {
    "start": start_up.rows,
    "large": large_result.rows,
    "run": containers.run_rows,
    "matrix": containers.matrix_rows,
    "command": containers.command_rows,
    "others": containers.other_rows,
    "neighbours": containers.neighbour_rows,
}


def main() -> None:
    """Run the measurements that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m ci perf", description="Measure what memcap itself takes.")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="this measurement; may be given again")
    parser.add_argument("--cells", type=int, default=10_000, help="cells of the large result (default: 10000)")
    parser.add_argument("--runs", type=int, default=20, help="runs of each cell (default: 20)")
    parser.add_argument(
        "--repeats", type=int, default=15, help="of short commands; of containers a third (default: 15)"
    )
    options = parser.parse_args()
    scale = Scale(cells=options.cells, runs=options.runs, repeats=options.repeats)
    rows: list[Row] = [row for name in options.only or MEASUREMENTS for row in MEASUREMENTS[name](scale)]
    table = [(each.what, each.command, each.measured, each.goal) for each in rows]
    print(tabulate(table, headers=["what", "command", "measured", "goal"], disable_numparse=True))


if __name__ == "__main__":
    main()
