"""What measuring itself adds: the same workload as PID 1 by itself, and under the supervisor, seen from outside."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from integration.measuring import cell, launched
from truth.lab import CAP, SUITE, Bench, ExperimentError, Lab, Run, known, needs, peaks, read
from truth.outside import Outside, Seen, outside
from truth.table import Table, kib, mib

from memcap.engine.docker_labels import run_labels

if TYPE_CHECKING:
    from docker import DockerClient

    from memcap.model import RunSpec

RUNS = 10
SHORT_RUNS = 3
OBJECTS_MIB = 59
HOLD_SECONDS = 0.5
SECONDS = 5.0
CPU_WORKLOADS: dict[str, tuple[str, dict[str, object]]] = {
    "idle for 5 s": ("idle", {"seconds": SECONDS}),
    "allocating for 5 s": ("busy", {"seconds": SECONDS}),
    "100 processes for 5 s": ("crowd", {"count": 100, "seconds": SECONDS}),
}


def experiment(lab: Lab) -> list[Table]:
    """Compare bytes with and without the supervisor, and count its CPU time."""
    # How long a look takes is not the supervisor's merit where the processor is emulated.
    return [_bytes(lab)] if lab.short else [_bytes(lab), _cpu(lab)]


def _bytes(lab: Lab) -> Table:
    title = "Perturbation: bytes"
    columns = ("metric", "as PID 1", "under the supervisor", "more", "of which its own", "net", "as memcap reports")
    try:
        with outside(lab.client) as eye:
            bare, under, told = _both_ways(lab, eye, lab.times(SHORT_RUNS if lab.short else RUNS))
    except ExperimentError as error:
        return Table(title=title, columns=columns, rows=(), notes=(f"Not measured: {error}.",))
    supervisor = median(known(run.report.supervisor_bytes for run in told))
    rows = []
    for metric, look, reported in (
        ("peak", lambda seen: seen.peak, peaks(told)),
        ("unreclaimable_peak", lambda seen: seen.unreclaimable, needs(told)),
    ):
        without, with_it = median(map(look, bare)), median(map(look, under))
        row = [metric, mib(without), mib(with_it), kib(with_it - without), kib(supervisor)]
        row += [kib(with_it - without - supervisor), mib(median(reported))]
        lab.say("  ".join(row))
        rows.append(row)
    samples = median(seen.samples for seen in (*bare, *under))
    notes = (
        f"Medians of n={len(bare)} runs each way, in turns: {OBJECTS_MIB} MiB of small objects held {HOLD_SECONDS} s.",
        f"Both are seen by the same outside look at the container's cgroup (about {samples:.0f} looks a run).",
        "`net` is without the supervisor's own bytes, which it reports and by which the cap is raised.",
        "Goal: at most 256 KiB of unreclaimable_peak, aim 64 KiB.",
    )
    return Table(title=title, columns=columns, rows=rows, notes=notes)


def _both_ways(lab: Lab, eye: Outside, runs: int) -> tuple[list[Seen], list[Seen], list[Run]]:
    """Return what was seen of the runs without and with the supervisor, and what memcap said; a warm-up is left out."""
    bare: list[Seen] = []
    under: list[Seen] = []
    told: list[Run] = []
    one = cell("objects", on=lab.image, cap=CAP, mib=OBJECTS_MIB, hold=HOLD_SECONDS)
    with launched(lab.client, one, suite=SUITE) as (engine, spec):
        cpus = engine.environment().cpus
        for number in range(runs + lab.warmups):  # in turns, so that both meet the same weather
            alone = replace(spec, name=f"{spec.name}-bare-{number}")
            seen, _ = eye.see(alone.name, partial(_run_bare, lab.client, alone))
            bare.append(seen)
            supervised = replace(spec, name=f"{spec.name}-{number}")
            seen, raw = eye.see(supervised.name, partial(engine.execute, supervised))
            under.append(seen)
            told.append(read(raw, supervised, cpus=cpus))
    return bare[lab.warmups :], under[lab.warmups :], told[lab.warmups :]


def _run_bare(client: DockerClient, spec: RunSpec) -> None:
    """Run the workload as PID 1, as the engine would, but without the supervisor."""
    api = client.api
    created = api.create_container(
        spec.image_id,
        name=spec.name,
        entrypoint=list(spec.argv),
        command=[],
        environment=dict(spec.env),
        hostname=spec.policy.hostname,
        labels=run_labels(spec.name, campaign=spec.campaign, cell=spec.cell_id),
        host_config=api.create_host_config(
            mem_limit=spec.cap_bytes,
            memswap_limit=spec.cap_bytes,
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=spec.policy.pids,
        ),
    )
    try:
        api.start(created["Id"])
        api.wait(created["Id"], timeout=round(spec.time_limit_seconds))
    finally:
        api.remove_container(created["Id"], force=True, v=True)


def _cpu(lab: Lab) -> Table:
    rows = []
    runs = lab.times(3)
    for words, (call, parameters) in CPU_WORKLOADS.items():
        done = lab.run(cell(call, on=lab.image, **parameters), Bench(runs=runs, warmups=0))  # type: ignore[arg-type]
        own = median(known(run.report.supervisor_cpu_ns for run in done))
        wall = median(known(run.report.wall_ns for run in done))
        samples = median(run.report.samples for run in done)
        row = [words, f"{own / 1e6:.1f} ms", f"{wall / 1e9:.2f} s", f"{100 * own / wall:.2f} %", f"{samples:.0f}"]
        row.append(f"{own / samples / 1000:.0f} µs")
        lab.say("  ".join(row))
        rows.append(row)
    notes = (f"Medians of n={runs} runs. Goal: under 1 % of a core.",)
    columns = ("workload", "CPU of the supervisor", "wall", "of a core", "samples", "a sample")
    return Table(title="Perturbation: CPU", columns=columns, rows=rows, notes=notes)
