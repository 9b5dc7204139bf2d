"""Short spikes after a quiet second: what of them `peak` and `unreclaimable_peak` show."""

from __future__ import annotations

from statistics import median

from integration.measuring import cell
from truth.lab import CAP, Bench, Lab, floors, known, needs, peaks
from truth.table import Table, kib

MIB = 1024 * 1024
SPIKE_MIB = 200
HOLDS_SECONDS = (0.001, 0.005, 0.020, 0.100)
BEFORE_SECONDS = 1.0  # by then the supervisor's pauses are as long as they get


def experiment(lab: Lab) -> list[Table]:
    """Measure spikes of one size and several lengths, and subtract a run without a spike."""
    bench = Bench(runs=lab.times(1 if lab.short else 5), warmups=lab.warmups)
    quiet = lab.run(cell("spike", on=lab.image, cap=CAP, mib=0, hold=0.0, before=BEFORE_SECONDS), bench)
    rows = []
    for hold in HOLDS_SECONDS[:1] if lab.short else HOLDS_SECONDS:
        runs = lab.run(cell("spike", on=lab.image, cap=CAP, mib=SPIKE_MIB, hold=hold, before=BEFORE_SECONDS), bench)
        sampled = known(run.report.unreclaimable_peak_bytes for run in runs)
        row = [f"{1000 * hold:.0f} ms"]
        row.append(_errors(peaks(runs), median(floors(quiet, peaks))))
        row.append(_errors(needs(runs), median(needs(quiet))))
        row.append(f"{sum(run.measurement.unreclaimable_from_peak for run in runs)} of {len(runs)}")
        row.append(_errors(sampled, median(needs(quiet))))
        lab.say("  ".join(row))
        rows.append(row)
    notes = (
        f"A private map of {SPIKE_MIB} MiB, populated by the kernel at once, held so long and unmapped.",
        f"Errors against {SPIKE_MIB} MiB, net of runs without a spike: lowest to highest of n={bench.runs}.",
        "The spike's page tables (400 KiB) are need, so an exact figure shows +400 KiB.",
        "`from peak` counts the runs whose figure is the lower bound that the kernel's high-water mark proves.",
    )
    columns = ("held", "peak", "unreclaimable_peak", "from peak", "largest sample alone")
    return [Table(title="Spikes", columns=columns, rows=rows, notes=notes)]


def _errors(values: list[float], floor: float) -> str:
    low, high = (value - floor - SPIKE_MIB * MIB for value in (min(values), max(values)))
    return f"{kib(low)} to {kib(high)}"
