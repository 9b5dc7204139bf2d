"""Results + baselines + tolerances -> verdicts. Pure: no files, no printing.

A cell is asked in this order, and the first answer that is not "fine" is its verdict: did its runs happen, did they
end as expected, is the budget kept, is there a baseline, was it made in a like environment, did a metric move.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from memcap.model import (
    Baseline,
    Baselines,
    CampaignResult,
    Caveat,
    CaveatKind,
    CellResult,
    Ending,
    Fingerprint,
    Metric,
    MetricVerdict,
    Tolerance,
    Verdict,
    VerdictState,
)
from memcap.stats import median, relative_change
from memcap.units import format_bytes, format_seconds

# The largest code of all cells wins: the larger, the less a second try would help. docs/exit-codes.md says the same.
EXIT_CODES: dict[VerdictState, int] = {
    VerdictState.REGRESSED: 99,
    VerdictState.BUDGET_BROKEN: 98,
    VerdictState.ENDING_CHANGED: 97,
    VerdictState.WORKLOAD_FAILED: 96,
    VerdictState.INFRASTRUCTURE: 95,
    VerdictState.GONE: 95,
}

# Of a cell's metrics the first state here is the cell's. A metric that is new says nothing about the others.
_WORST_METRIC_FIRST = (
    VerdictState.REGRESSED,
    VerdictState.NOT_ENOUGH_DATA,
    VerdictState.IMPROVED,
    VerdictState.UNCHANGED,
    VerdictState.NEW,
)


@dataclass(frozen=True, kw_only=True)
class _Unlike:
    """How the environment of a baseline differs: in what forbids comparing figures, and in what is only told."""

    blocking: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        return tuple(
            Caveat(kind=CaveatKind.UNLIKE_ENVIRONMENT, detail=detail) for detail in (*self.blocking, *self.told)
        )


class _Finding(NamedTuple):
    state: VerdictState
    summary: str
    remedy: str
    output: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What ``compare`` says of two sets of values; ``detail`` explains it in one line."""

    state: VerdictState
    detail: str


def judge(
    result: CampaignResult, baselines: Baselines, *, tolerances: Mapping[Metric, Tolerance], minimum_runs: int
) -> tuple[Verdict, ...]:
    """Return a verdict for each cell of ``result``, then one for each planned cell of the baselines that it lacks.

    The keys of ``tolerances`` are the metrics judged; a benchmark's own tolerances add to them and override them.
    Cells that the campaign was not asked for are not judged, whatever the baselines hold.
    """
    verdicts = []
    for cell in result.cells:
        baseline = baselines.cells.get(cell.cell.id)
        unlike = _unlike(baseline, result.fingerprint(cell.cell.image), cell) if baseline else _Unlike()
        verdicts.append(_judge_cell(cell, baseline, unlike, {**tolerances, **cell.cell.tolerances}, minimum_runs))
    measured = {cell.cell.id for cell in result.cells}
    gone = (cell_id for cell_id in result.plan_cells if cell_id in baselines.cells and cell_id not in measured)
    return (*verdicts, *map(_gone, gone))


def worst_exit_code(verdicts: Iterable[Verdict]) -> int:
    """Return the exit code of the verdict that a second try would help least; 0 if nothing was found wrong."""
    return max((EXIT_CODES.get(verdict.state, 0) for verdict in verdicts), default=0)


def compare(base: Sequence[float], new: Sequence[float], tolerance: Tolerance, *, minimum_runs: int) -> Comparison:
    """Say whether ``new`` is more than ``base``: the medians must differ by more than both parts of ``tolerance``.

    Less is better. With fewer than ``minimum_runs`` values on a side the answer is "not enough data". Not promised:
    that a small change is found, or that noise beyond the tolerance is told from a change.
    """
    few = [f"{minimum_runs - len(values)} more {side}" for side, values in (("here", new), ("in the baseline", base))
           if len(values) < minimum_runs]  # fmt: skip
    if few:
        return Comparison(state=VerdictState.NOT_ENOUGH_DATA, detail=f"needs {' and '.join(few)}")
    shift = median(new) - median(base)
    if shift == 0:
        return Comparison(state=VerdictState.UNCHANGED, detail="identical medians")
    if abs(shift) <= tolerance.absolute or abs(shift) <= tolerance.relative * median(base):
        return Comparison(state=VerdictState.UNCHANGED, detail="within tolerance")
    if shift > 0:
        return Comparison(state=VerdictState.REGRESSED, detail="rose beyond tolerance")
    return Comparison(state=VerdictState.IMPROVED, detail="fell beyond tolerance")


def _judge_cell(
    cell: CellResult,
    baseline: Baseline | None,
    unlike: _Unlike,
    tolerances: Mapping[Metric, Tolerance],
    minimum_runs: int,
) -> Verdict:
    doubts = (*_run_caveats(cell), *unlike.caveats)
    finding = _infrastructure(cell, minimum_runs) or _ending(cell, baseline)
    if finding:
        return _verdict(cell, finding, (), doubts)
    metrics = () if unlike.blocking else _metrics(cell, baseline, tolerances, minimum_runs)
    if baseline is None:
        finding = _Finding(VerdictState.NEW, "there is no baseline to compare with", _accept(cell))
    elif unlike.blocking:
        summary = f"the baseline is of another environment: {'; '.join(unlike.blocking)}"
        finding = _Finding(VerdictState.INCOMPARABLE, summary, _accept(cell))
    else:
        finding = _worst_metric(cell, metrics, tolerances)
    broken = _budget(cell)
    # A budget that could not be checked spoils good news, but does not hide a regression.
    if broken and (broken.state is VerdictState.BUDGET_BROKEN or finding.state is not VerdictState.REGRESSED):
        finding = broken
    return _verdict(cell, finding, metrics, doubts)


def _verdict(
    cell: CellResult, finding: _Finding, metrics: tuple[MetricVerdict, ...], doubts: Sequence[Caveat]
) -> Verdict:
    return Verdict(
        cell_id=cell.cell.id,
        state=finding.state,
        summary=finding.summary,
        remedy=finding.remedy,
        output=finding.output,
        metrics=metrics,
        caveats=tuple(doubts),
    )


def _infrastructure(cell: CellResult, minimum_runs: int) -> _Finding | None:
    """Find cells whose runs mostly did not happen. What the others say of the workload, such as an OOM, comes first."""
    lost = [run for run in cell.runs if run.ending.is_infrastructure]
    sound = [run for run in cell.runs if not run.ending.is_infrastructure]
    if not cell.runs:
        return _Finding(VerdictState.INFRASTRUCTURE, "no run was made", "Run it again: memcap run")
    if not lost or any(run.ending is not cell.cell.expected_ending for run in sound) or len(sound) >= minimum_runs:
        return None
    ending = lost[0].ending
    detail = f" ({lost[0].detail})" if lost[0].detail else ""
    return _Finding(
        VerdictState.INFRASTRUCTURE,
        f"{len(lost)} of {len(cell.runs)} runs: {ending.explanation}{detail}",
        ending.remedy,
    )


def _ending(cell: CellResult, baseline: Baseline | None) -> _Finding | None:
    """Find runs that did not end as expected, and a baseline that was accepted when another ending was expected."""
    expected = cell.cell.expected_ending
    sound = [run.ending for run in cell.runs if not run.ending.is_infrastructure]
    others = Counter(ending for ending in sound if ending is not expected)
    if others:
        # An OOM kill says more than what else went wrong beside it.
        ending = max(others, key=lambda each: (_is_memory(each), others[each]))
        example = next(run for run in cell.runs if run.ending is ending)
        summary = f"{others[ending]} of {len(cell.runs)} runs: {ending.explanation}"
        if example.detail:
            summary += f" ({example.detail})"
        if expected is not Ending.COMPLETED:
            summary += f"; expected was {expected.value}"
        of_memory = _is_memory(ending) or _is_memory(expected) or ending is Ending.COMPLETED
        state = VerdictState.ENDING_CHANGED if of_memory else VerdictState.WORKLOAD_FAILED
        remedy = ending.remedy or f"If this is meant, remove {expected.value!r} from `expect` in suite.toml."
        return _Finding(state, summary, remedy, example.output_tail)
    if baseline and baseline.ending is not expected:
        return _Finding(
            VerdictState.ENDING_CHANGED,
            f"ended {expected.value} as expected, but the baseline ended {baseline.ending.value}",
            _accept(cell),
        )
    return None


def _is_memory(ending: Ending) -> bool:
    return ending.is_oom or ending in (Ending.MEMORY_ERROR, Ending.CAP_EXCEEDED)


def _budget(cell: CellResult) -> _Finding | None:
    """Find a budget that is broken or could not be checked.

    A cell that is expected to be OOM-killed has none: its peak is its cap.
    """
    budget = cell.cell.budget
    if budget is None or cell.cell.expected_ending.is_oom:
        return None
    limit = format_bytes(budget.limit_bytes) + (f" + {budget.margin:.0%}" if budget.margin else "")
    values = cell.values(budget.metric)
    if not values:
        return _Finding(
            VerdictState.NOT_ENOUGH_DATA,
            f"the budget of {limit} could not be checked: no run measured {budget.metric.value}",
            "Judge another metric in suite.toml (`budget`), or see the caveats.",
        )
    if median(values) <= budget.ceiling_bytes:
        return None
    return _Finding(
        VerdictState.BUDGET_BROKEN,
        f"{budget.metric.value} is {format_bytes(median(values))}, over its budget of {limit}",
        "Lower the need, or raise the budget in suite.toml.",
    )


def _gone(cell_id: str) -> Verdict:
    return Verdict(
        cell_id=cell_id,
        state=VerdictState.GONE,
        summary="has a baseline and was planned, but was not measured",
        remedy="Finish the campaign (memcap run --resume RESULT), or measure again.",
    )


def _metrics(
    cell: CellResult, baseline: Baseline | None, tolerances: Mapping[Metric, Tolerance], minimum_runs: int
) -> tuple[MetricVerdict, ...]:
    """Compare each metric that was measured on either side. A cell that is to be OOM-killed is judged by that alone."""
    if cell.cell.expected_ending.is_oom:
        return ()
    found = []
    for metric in Metric:
        new = cell.values(metric)
        base = baseline.values.get(metric, ()) if baseline else ()
        if metric not in tolerances or not (new or base) or (metric is Metric.PEAK and _peak_is_floor(cell)):
            continue
        if base:
            said = compare(base, new, tolerances[metric], minimum_runs=minimum_runs)
        else:
            said = Comparison(state=VerdictState.NEW, detail="not in the baseline")
        found.append(
            MetricVerdict(
                metric=metric,
                state=said.state,
                base=median(base) if base else None,
                new=median(new) if new else None,
                detail=said.detail,
            )
        )
    return tuple(found)


def _worst_metric(
    cell: CellResult, metrics: Sequence[MetricVerdict], tolerances: Mapping[Metric, Tolerance]
) -> _Finding:
    if cell.cell.expected_ending.is_oom:
        return _Finding(VerdictState.UNCHANGED, f"ended {cell.cell.expected_ending.value}, as expected", "")
    if not metrics:
        named = ", ".join(metric.value for metric in tolerances) or "no metric"
        return _Finding(VerdictState.NOT_ENOUGH_DATA, f"nothing to judge: {named} not measured", "See the caveats.")
    worst = min(_WORST_METRIC_FIRST.index(each.state) for each in metrics)
    state = _WORST_METRIC_FIRST[worst]
    told = [_tell(each, tolerances[each.metric]) for each in metrics if each.state is state]
    remedy = {
        VerdictState.REGRESSED: f"Find what grew; if it is meant: {_accept(cell)}",
        VerdictState.IMPROVED: f"Keep the gain: {_accept(cell)}",
        VerdictState.NOT_ENOUGH_DATA: "Measure with more runs: memcap run --runs N",
        VerdictState.NEW: _accept(cell),
    }
    return _Finding(state, "; ".join(told), remedy.get(state, ""))


def _tell(found: MetricVerdict, tolerance: Tolerance) -> str:
    """Return ``peak rose beyond tolerance: 61.3 MiB -> 68.9 MiB, +12.4% (tolerance 2% and 1.0 MiB)``."""
    text = f"{found.metric.value} {found.detail}"
    if found.base is None or found.new is None or found.state is VerdictState.NOT_ENOUGH_DATA:
        return text
    change = relative_change(found.base, found.new)
    percent = f", {change:+.1%}" if change is not None else ""
    allowed = f"{tolerance.relative * 100:g}% and {_figure(found.metric, tolerance.absolute)}"
    figures = f"{_figure(found.metric, found.base)} -> {_figure(found.metric, found.new)}"
    return f"{text}: {figures}{percent} (tolerance {allowed})"


def _unlike(baseline: Baseline, here: Fingerprint, cell: CellResult) -> _Unlike:
    """Name what differs. Figures of another build of the image are still compared, since images are rebuilt often."""
    there = baseline.fingerprint
    image = here.image
    blocking = (
        ("isolation", here.isolation, there.isolation),
        ("architecture", here.architecture, there.architecture),
        ("cgroup version", here.cgroup_version, there.cgroup_version),
        (f"Python of {image}", _python(here), _python(there)),
        ("cap in bytes", cell.cell.cap.bytes, baseline.cap_bytes),
    )
    told = (
        (f"Python build of {image}", here.python_build, there.python_build),
        (f"origin of {image}", here.image_origin, there.image_origin),
        (f"digest of {image}", here.image_digest, there.image_digest),
        (f"C library of {image}", here.libc, there.libc),
    )
    return _Unlike(blocking=_differences(blocking), told=_differences(told))


def _differences(facts: Iterable[tuple[str, object, object]]) -> tuple[str, ...]:
    return tuple(
        f"{name} is {_known(here)}, the baseline has {_known(there)}" for name, here, there in facts if here != there
    )


def _known(fact: object) -> str:
    return "unknown" if fact is None else str(fact)


def _python(fingerprint: Fingerprint) -> str | None:
    if fingerprint.python_version is None:
        return None
    return f"{fingerprint.python_implementation} {fingerprint.python_version}"


def _peak_is_floor(cell: CellResult) -> bool:
    """Tell whether a run's peak was the container runtime's own start, whose size is random (9 to 17 MiB with runc)."""
    return any(caveat.kind is CaveatKind.PEAK_NEAR_FLOOR for run in cell.runs for caveat in run.caveats)


def _run_caveats(cell: CellResult) -> tuple[Caveat, ...]:
    """Return the doubts about the runs, each once, in their order."""
    return tuple(dict.fromkeys(caveat for run in cell.runs for caveat in run.caveats))


def _accept(cell: CellResult) -> str:
    return f"memcap baseline accept {shlex.quote(cell.cell.id)}"


def _figure(metric: Metric, value: float) -> str:
    return format_bytes(value) if metric.unit == "byte" else format_seconds(value)
