"""Other tools' rules beside memcap's on the same figures: false alarms, and what of a rise is found.

``PYTHONPATH=tests python -m truth.gates RESULT``, with a result of ``memcap selftest --output RESULT --runs 80``. The
rules are applied to memcap's figures, not to what these tools would have measured; docs/statistics.md has the table.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pyperf
from pyperf._compare import is_significant_benchs
from truth.table import Table

from memcap.config import find_root, load_config
from memcap.judge.samples import compare, decide
from memcap.model import Metric, Rules, Tolerance, VerdictState
from memcap.selftest import RISES, Material, material
from memcap.stats.mann_whitney import probabilities_up_to
from memcap.store import load_result

Pair = tuple[Sequence[float], Sequence[float]]  # base and new
Gate = Callable[[Sequence[Pair]], list[bool]]  # a whole suite -> which cells are said to have regressed


def memcap(metric: Metric, tolerance: Tolerance, rules: Rules) -> Gate:
    """Return memcap's own gate, which looks at the suite as a whole."""

    def gate(suite: Sequence[Pair]) -> list[bool]:
        verdicts = decide([compare(metric, base, new, tolerance, rules) for base, new in suite], rules)
        return [verdict.state is VerdictState.REGRESSED for verdict in verdicts]

    return gate


def each(rule: Callable[[Sequence[float], Sequence[float]], bool]) -> Gate:
    """Return the gate of a tool that looks at one benchmark at a time."""
    return lambda suite: [rule(base, new) for base, new in suite]


def pyperf_compare(base: Sequence[float], new: Sequence[float]) -> bool:
    """Ask pyperf itself, as ``compare_to`` does; "slower" is what it calls more bytes."""
    benchmarks = [
        pyperf.Benchmark(
            [pyperf.Run([float(value) for value in values], metadata={"name": "x"}, collect_metadata=False)]
        )
        for values in (base, new)
    ]
    significant, _ = is_significant_benchs(*benchmarks)
    return bool(significant) and benchmarks[1].mean() > benchmarks[0].mean()


def asv_ranks(base: Sequence[float], new: Sequence[float]) -> bool:
    """Compare by asv's rank test: two-sided, p < 0.002; ties are broken so that they speak against a difference."""
    below = sum(value < other for value in base for other in new)
    above = sum(value > other for value in base for other in new)
    count = len(base) * len(new)
    nearest = min(max(count / 2, below), count - above)
    less = int(min(nearest, count - nearest))
    return min(1, 2 * probabilities_up_to(len(base), len(new))[less]) < 0.002 and below > above


def asv_with_samples(base: Sequence[float], new: Sequence[float]) -> bool:
    """Compare as ``asv continuous`` does where it has several values: rank test and factor."""
    return asv_ranks(base, new) and median(new) > 1.1 * median(base)


def asv_peakmem(base: Sequence[float], new: Sequence[float]) -> bool:
    """Compare as ``asv continuous`` does for ``peakmem_``, of which it has one value: by the factor alone."""
    return new[0] > 1.1 * base[0]


def benchmem(percent: float) -> Callable[[Sequence[float], Sequence[float]], bool]:
    """Return pytest-benchmem's ``--fail-on peak:PERCENT%``: the smallest values are compared."""
    return lambda base, new: min(new) > min(base) * (1 + percent / 100)


def memray_increase(base: Sequence[float], new: Sequence[float]) -> bool:
    """Compare as ``pytest --memray --fail-on-increase`` does: one value a side, and any more is a failure."""
    return new[0] > base[0]


def gates(metric: Metric, tolerance: Tolerance, rules: Rules) -> dict[str, Gate]:
    """Return all gates by the name that the table gives them."""
    return {
        "memcap": memcap(metric, tolerance, rules),
        "memcap without tolerance": memcap(metric, Tolerance(relative=0, absolute=0), rules),
        "pyperf compare_to": each(pyperf_compare),
        "asv, peakmem_ (factor 1.1)": each(asv_peakmem),
        "asv, several values (ranks and factor 1.1)": each(asv_with_samples),
        "asv's rank test without its factor": each(asv_ranks),
        "pytest-benchmem --fail-on peak:10%": each(benchmem(10)),
        "pytest-benchmem --fail-on peak:0.5%": each(benchmem(0.5)),
        "pytest-benchmem --fail-on peak:0%": each(benchmem(0)),
        "pytest-memray --fail-on-increase": each(memray_increase),
    }


def experiment(materials: Sequence[Material], metric: Metric, rules: Rules, options: argparse.Namespace) -> Table:
    """Draw suites of unchanged code, then raise one cell of each, and ask every gate."""
    draw = random.Random(0)
    tolerance = materials[0].tolerances[metric]
    asked = gates(metric, tolerance, rules)
    alarmed, single = dict.fromkeys(asked, 0), dict.fromkeys(asked, 0)
    found = {(name, rise): 0 for name in asked for rise in RISES}
    for _ in range(options.resamplings):
        suite = []
        for index in range(options.cells):
            values = materials[index % len(materials)].values[metric]
            chosen = draw.sample(values, 2 * options.sample)
            suite.append((chosen[: options.sample], chosen[options.sample :]))
        (base, new), *rest = suite
        for name, gate in asked.items():
            said = gate(suite)
            alarmed[name] += any(said)
            single[name] += sum(said)
            for rise in RISES:
                raised = (base, [value * (1 + rise) for value in new])
                # Only memcap's answer for one cell depends on the others.
                found[name, rise] += gate([raised, *rest] if name.startswith("memcap") else [raised])[0]
    tries = options.resamplings
    rows = [
        [
            name,
            f"{alarmed[name] / tries:.1%}",
            f"{single[name] / tries / options.cells:.2%}",
            *(f"{found[name, rise] / tries:.1%}" for rise in RISES),
        ]
        for name in asked
    ]
    columns = ("gate", "suites with a false alarm", "false alarms a cell", *(f"+{rise:.1%} found" for rise in RISES))
    notes = (
        f"{tries} suites of {options.cells} cells, {options.sample} runs a side, drawn from {len(materials)} cells.",
        f"memcap's tolerance: {tolerance.relative:.2%} and {tolerance.absolute / 1024:.0f} KiB, the larger.",
    )
    return Table(title=metric.value, columns=columns, rows=rows, notes=notes)


def main() -> None:
    """Print a table for each metric."""
    parser = argparse.ArgumentParser(prog="python -m truth.gates", description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("--sample", type=int, default=10)
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--resamplings", type=int, default=1000)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    rules = load_config(find_root(Path.cwd())).rules
    materials = [material(cell, rules) for cell in load_result(options.result).cells]
    enough = [found for found in materials if found.runs >= 2 * options.sample]
    for metric in (Metric.UNRECLAIMABLE_PEAK, Metric.PEAK, Metric.RSS_PEAK):
        table = experiment([found for found in enough if metric in found.values], metric, rules, options)
        print(table.as_markdown() if options.markdown else table.as_text())


if __name__ == "__main__":
    main()
