"""Known allocations of many kinds: how far `peak` and `unreclaimable_peak` are from what was allocated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from integration.measuring import ROOT, cell
from truth.lab import CAP, SUITE, Bench, Lab, needs, peaks, spread
from truth.table import Table, kib, percent

from memcap.errors import MemcapError
from memcap.model import ContainerPolicy

MIB = 1024 * 1024
SIZES_MIB = (64, 256, 1024)
HOLD_SECONDS = 0.1
KINDS = {
    "bytes_object": "bytes object",
    "thread": "bytes object in a thread",
    "numpy_array": "numpy array",
    "private_mmap": "mmap, private",
    "shared_mmap": "mmap, shared",
    "shared_memory": "multiprocessing shared memory",
    "tmpfs": "file on a tmpfs (/dev/shm)",
    "child": "mmap in a child process",
    "double_fork": "mmap in a daemon (double fork)",
}
NUMPY = ROOT / "suites" / "agents" / "requirements.txt"


def experiment(lab: Lab) -> list[Table]:
    """Measure each kind in each size, and subtract an empty run of the same kind."""
    runs = lab.times(5)
    rows = [row for call, words in KINDS.items() for row in _kind(lab, call, words, runs)]
    notes = (
        f"Medians of n={runs} runs minus the median of as many empty runs of the same kind; held {HOLD_SECONDS} s.",
        "The range is that of the full runs.",
        "Mapped memory needs page tables, 8 bytes for each 4 KiB (0.20 %): need that the kernel charges, not an error.",
    )
    columns = ("kind", "allocated", "peak error", "", "range", "unreclaimable_peak error", "", "range")
    return [Table(title="Known allocations", columns=columns, rows=rows, notes=notes)]


def _kind(lab: Lab, call: str, words: str, runs: int) -> Iterator[list[str]]:
    policy = ContainerPolicy(shm_size_bytes=(max(SIZES_MIB) + 1) * MIB)
    suite = replace(SUITE, requirements=NUMPY) if call == "numpy_array" else SUITE
    bench = Bench(runs=runs, suite=suite, policy=policy)
    try:
        empty = lab.run(cell(call, on=lab.image, cap=CAP, mib=0, hold=HOLD_SECONDS), bench)
    except MemcapError as error:  # numpy may not be had here
        yield [words, "", f"not measured: {error.args[0].splitlines()[0]}"]
        return
    for size in SIZES_MIB:
        full = lab.run(cell(call, on=lab.image, cap=CAP, mib=size, hold=HOLD_SECONDS), bench)
        row = [words, f"{size} MiB"]
        for metric in (peaks, needs):
            off = median(metric(full)) - median(metric(empty)) - size * MIB
            row += [kib(off), percent(off, size * MIB), f"{spread(metric(full)) / 1024:,.0f} KiB"]
        lab.say("  ".join(row))
        yield row
