"""Other tools' rules as docs/statistics.md compares them: each says what its tool would say."""

from __future__ import annotations

import argparse
import random

from scipy.stats import mannwhitneyu
from truth.gates import asv_peakmem, asv_ranks, asv_with_samples, benchmem, experiment, memray_increase, pyperf_compare

from factories import MIB, make_cell, make_runs
from memcap.model import Metric, Rules, Tolerance
from memcap.selftest import material

BASE = [100.0, 101, 102, 103, 104, 105, 106, 107, 108, 109]


def test_asvs_rank_test_is_two_sided_and_exact() -> None:
    draw = random.Random(1)
    seen = set()
    for _ in range(200):
        base = [draw.random() for _ in range(10)]
        new = [draw.random() + 0.45 for _ in range(10)]
        expected = mannwhitneyu(base, new, method="exact").pvalue < 0.002 and sum(new) > sum(base)
        seen.add(expected)
        assert asv_ranks(base, new) == expected
    assert seen == {True, False}
    assert not asv_ranks([value + 20 for value in BASE], BASE)  # it fell


def test_asvs_ranks_break_ties_against_a_difference() -> None:
    assert asv_ranks([1] * 10, [2] * 10)
    assert not asv_ranks([1] * 10, [1] * 8 + [2] * 2)
    assert not asv_ranks([1] * 10, [1] * 10)


def test_asvs_factor_hides_what_its_test_has_found() -> None:
    assert asv_ranks(BASE, [value * 1.095 for value in BASE])
    assert not asv_with_samples(BASE, [value * 1.095 for value in BASE])
    assert asv_with_samples(BASE, [value * 1.11 for value in BASE])
    assert [asv_peakmem(BASE, [100 * factor]) for factor in (1.09, 1.11)] == [False, True]


def test_thresholds_look_at_the_smallest_or_the_first_value() -> None:
    assert [benchmem(10)(BASE, [low, 500]) for low in (109, 111)] == [False, True]
    assert benchmem(0)(BASE, [100.001] * 10)
    assert [memray_increase(BASE, [value]) for value in (100, 100.001)] == [False, True]


def test_pyperf_calls_significant_what_it_cannot_test() -> None:
    """The claim about it in docs/statistics.md, of pyperf as it is installed."""
    slightly = [value + 0.001 for value in BASE]
    assert not pyperf_compare(BASE, slightly)
    assert pyperf_compare(BASE, [104.501] * 9)  # a lost run: the t-test is not computed
    assert not pyperf_compare(slightly, BASE)


def test_the_experiment_has_a_row_for_each_gate() -> None:
    rules = Rules(tolerances={Metric.PEAK: Tolerance(relative=0.0025, absolute=MIB / 4)})
    cell = material(make_cell(runs=make_runs([64 + step / 256 for step in range(20)])), rules)
    options = argparse.Namespace(resamplings=5, cells=3, sample=5)

    table = experiment([cell], Metric.PEAK, rules, options)

    found = {row[0]: row[1:] for row in table.rows}
    assert found["memcap"] == ["0.0%", "0.00%", *found["memcap"][2:]]
    assert found["memcap"][-1] == "100.0%"
    assert found["pytest-memray --fail-on-increase"][0] != "0.0%"
    assert len(found) == 10
