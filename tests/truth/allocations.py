"""Known allocations of many kinds: how far `peak` and `unreclaimable_peak` are from what was allocated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from integration.measuring import ROOT, cell
from truth.lab import CAP, SUITE, Bench, Lab, floors, needs, peaks, spread
from truth.table import Table, kib, percent

from memcap.engine.docker_client import environment
from memcap.errors import MemcapError
from memcap.model import CHARGE_BATCH_BYTES, ContainerPolicy

MIB = 1024 * 1024
SIZES_MIB = (64, 256, 1024)
HOLD_SECONDS = 0.1
PAGE = 4096
# What the kernel needs to keep n bytes, and charges: 8 bytes of page table for each mapped page, and for pages of
# files and shared memory a node of 576 bytes for each 64 (lib/xarray.c).
TABLES = 8 / PAGE
TREE = 576 / 64 / PAGE
KINDS = {
    "bytes_object": ("bytes object", TABLES),
    "thread": ("bytes object in a thread", TABLES),
    "numpy_array": ("numpy array", TABLES),
    "private_mmap": ("mmap, private", TABLES),
    "shared_mmap": ("mmap, shared", TABLES + TREE),
    "shared_memory": ("multiprocessing shared memory", TABLES + TREE),
    "tmpfs": ("file on a tmpfs (/dev/shm)", TREE),
    "child": ("mmap in a child process", TABLES),
    "double_fork": ("mmap in a daemon (double fork)", TABLES),
}
METRICS = {"peak": peaks, "unreclaimable_peak": needs}
SHORT_KINDS = ("bytes_object", "private_mmap", "shared_mmap", "tmpfs", "child")
TOLERANCE = 0.01  # of what was allocated; of `peak` more by what each CPU may charge ahead
NUMPY = ROOT / "suites" / "agents" / "requirements.txt"


def experiment(lab: Lab) -> list[Table]:
    """Measure each kind in each size, and subtract an empty run of the same kind."""
    runs = lab.times(1 if lab.short else 5)
    wrong: list[str] = []
    rows = [row for call in (SHORT_KINDS if lab.short else KINDS) for row in _kind(lab, call, runs, wrong)]
    notes = (
        f"Medians of n={runs} runs minus the median of as many empty runs of the same kind; held {HOLD_SECONDS} s.",
        "The range is that of the full runs. Errors are against what was allocated and the kernel's part of it:",
        "page tables (0.20 % of what is mapped) and the tree of a shared object's pages (0.22 %), which are need too.",
    )
    columns = ["kind", "allocated", "kernel's part"]
    for metric in METRICS:
        columns += [f"{metric}: error", "", "range"]
    return [Table(title="Known allocations", columns=columns, rows=rows, notes=notes, wrong=wrong)]


def _kind(lab: Lab, call: str, runs: int, wrong: list[str]) -> Iterator[list[str]]:
    words, share = KINDS[call]
    policy = ContainerPolicy(shm_size_bytes=(max(SIZES_MIB) + 1) * MIB)
    suite = replace(SUITE, requirements=NUMPY) if call == "numpy_array" else SUITE
    bench = Bench(runs=runs, warmups=lab.warmups, suite=suite, policy=policy)
    ahead = CHARGE_BATCH_BYTES * (environment(lab.client).cpus or 1)
    try:
        empty = lab.run(cell(call, on=lab.image, cap=CAP, mib=0, hold=HOLD_SECONDS), bench)
    except MemcapError as error:  # numpy may not be had here
        yield [words, "", "", f"not measured: {error.args[0].splitlines()[0]}"]
        return
    for size in SIZES_MIB[:1] if lab.short else SIZES_MIB:
        full = lab.run(cell(call, on=lab.image, cap=CAP, mib=size, hold=HOLD_SECONDS), bench)
        part = size * MIB * share
        row = [words, f"{size} MiB", kib(part)]
        for name, metric in METRICS.items():
            off = median(metric(full)) - median(floors(empty, metric)) - size * MIB - part
            if abs(off) > TOLERANCE * size * MIB + (ahead if metric is peaks else 0):
                wrong.append(f"{name} of {size} MiB, {words}: {kib(off)}")
            row += [kib(off), percent(off, size * MIB), f"{spread(metric(full)) / 1024:,.0f} KiB"]
        lab.say("  ".join(row))
        yield row
