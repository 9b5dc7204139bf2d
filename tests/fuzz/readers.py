"""All that memcap reads of others: good files of each kind, and what reads one. What was read is used, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from fuzz.loads import OF_LOADS
from fuzz.projects import CODE, OF_PROJECTS, of_project
from fuzz.repositories import OF_REPOSITORIES, of_repository
from fuzz.servers import OF_SERVERS
from fuzz.soaks import OF_SOAKS
from measured import END, LOAD_ERROR, RAISED, SPEC, START

from factories import (
    make_baseline,
    make_cell,
    make_measurement,
    make_oom,
    make_profile,
    make_raw,
    make_report,
    make_result,
    make_site,
)
from memcap.config.env_variables import read_env_file
from memcap.errors import FileFormatError
from memcap.instruments.records import read_noted
from memcap.judge import judge
from memcap.measuring import measure
from memcap.model import (
    Budget,
    CampaignResult,
    GcFacts,
    Metric,
    Moment,
    Phases,
    ProcessPeak,
    PythonRun,
    RawRun,
    Rules,
    Thresholds,
    Tolerance,
)
from memcap.report import build_view
from memcap.report.baselines import change_lines
from memcap.report.formats import FORMATS
from memcap.store import (
    Journal,
    as_baselines,
    journal_path,
    load_baseline_file,
    load_baselines,
    load_interrupted,
    load_profile,
    load_result,
    save_result,
)
from memcap.store.baseline_codec import suite_text
from memcap.store.profiles import save_profile

RULES: Final = Rules(
    tolerances={metric: Tolerance(relative=0.02, absolute=1e6) for metric in Metric if metric.unit == "byte"},
    minimum_runs=2,
)
OF_A_CALL: Final = replace(SPEC, metrics=("entries", "lag"), projections={"lag": (10, 1000)})
_USED: Final = 8  # one in so many of the results that were read is judged
_RENDERED: Final = 64  # and one in so many rendered in every format
_SITES: Final = {
    "frames": [["/app.py", 4, "guilty", False], ["/app.py", 8, "<module>", False], ["a.c", 0, "grow", True]],
    "sources": {"/app.py:4": "kept.append(1)"},
    "processes": [
        {
            "pid": 7, "parent": 1, "command": ["python", "app.py"], "version": "1.20.0", "peak_bytes": 100,
            "allocations": 9, "rest_bytes": 3,
            "sites": [[30, 2, "MainThread", "mmap", [0, 1]], [7, 1, "", "malloc", [2]]],
        },
        {"pid": 9, "parent": 7, "command": ["python"], "peak_bytes": 0, "sites": [], "error": "ImportError: no memray"},
    ],
}  # fmt: skip
_VARIABLES: Final = "# of production\nURL=postgres://user:secret@db/shop?x=y\n  HERE\nEMPTY=\n"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of file: ``seeds`` are good ones; ``read`` reads one, in an empty ``folder`` of its own."""

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes, Path], object]


def all_readers(folder: Path) -> tuple[Reader, ...]:
    """Return the readers; ``folder`` is for making their seeds."""
    results = tuple(_saved(result, folder) for result in _results())
    baselines = tuple(
        suite_text("agents", [make_baseline(), make_baseline(make_cell("agents.b.cold-py312-1g"), **more)]).encode()
        for more in ({}, {"values": {Metric.PEAK: (1, 2, 3.5)}, "runs": 3})
    )
    whole = json.loads(results[0])
    pyperf_alone = json.dumps({key: value for key, value in whole.items() if key != "memcap"}).encode()
    return (
        Reader(name="results", seeds=(*results, _older(results[0]), baselines[0]), read=_read_result),
        Reader(name="campaign journals", seeds=(_journal_of_runs(folder), results[0]), read=_read_campaign_journal),
        Reader(name="pyperf files", seeds=(pyperf_alone, results[0]), read=_read_result),
        Reader(name="baselines", seeds=(*baselines, _schema_1(baselines[0])), read=_read_baselines),
        *(Reader(name=Path(file).name, seeds=seeds, read=of_project(file)) for file, seeds in OF_PROJECTS.items()),
        Reader(name="files of variables", seeds=(_VARIABLES.encode(),), read=_read_variables),
        Reader(name="code of a suite", seeds=(CODE.encode(),), read=of_project("suites/demo/work.py")),
        *(Reader(name=name, seeds=seeds, read=of_repository(file)) for name, (file, seeds) in OF_REPOSITORIES.items()),
        *(
            Reader(name=name, seeds=seeds, read=read)
            for name, (seeds, read) in {**OF_LOADS, **OF_SERVERS, **OF_SOAKS}.items()
        ),
        Reader(name="supervisor reports", seeds=_reports(), read=_measuring("report")),
        Reader(name="supervisor journals", seeds=_samples(), read=_measuring("supervisor_journal")),
        Reader(name="workload journals", seeds=_journals(), read=_measuring("workload_journal")),
        Reader(name="profiles", seeds=_profiles(folder), read=_read_profile),
        Reader(name="sites of a profile", seeds=(json.dumps(_SITES).encode(),), read=_read_sites),
    )


def _results() -> tuple[CampaignResult, ...]:
    run = make_measurement(
        python=PythonRun(
            implementation="CPython", version="3", flags={"dev_mode": -1},
            gc=GcFacts(collections=(1, 2, 3), collected=(1, 2, 3), uncollectable=(0, 0, 0), seconds=0.5),
        ),
        phases=Phases(interpreter_bytes=1, imported_bytes=2, returned_bytes=3, left_bytes=4),
        series=tuple(Moment(seconds=n, usage=9 + n, anon=5 + n, file=1, shmem=1, kernel=1, low=4) for n in range(4)),
        processes=(ProcessPeak(pid=7, name="python3", vm_hwm_bytes=99, pss_bytes=33),),
        extra={"entries": 3, "lag": -2.5},
        cycle_tenths=(0.1, 0.2),
        cpuset="0",
    )  # fmt: skip
    cell = make_cell(
        runs=[run, run, make_oom(detail="1 process was killed", output_tail="last words")],
        budget=Budget(metric=Metric.PEAK, limit_bytes=2**26, margin=0.02),
        extra_metrics={"entries": "entries", "lag": "s"},
        thresholds={"lag": Thresholds(excellent=1, good=2, acceptable=3, poor=4)},
        alerts={"lag": 3.0},
        advice={"lag": "Bound it."},
        tolerances={Metric.WALL: Tolerance(relative=0.1, absolute=0.5)},
    )
    return (make_result(cell, make_cell("streams.leaky.20s-py312-128m")), make_result(looks=(5, 9)))


def _saved(result: CampaignResult, folder: Path) -> bytes:
    path = folder / "seed.json"
    save_result(result, path, overwrite=True)
    return path.read_bytes()


def _older(result: bytes) -> bytes:
    """Return a result as memcap 0.1 stored it."""
    document = json.loads(result)
    document["memcap"]["schema"] = 1
    document["memcap"].pop("metrics_version")
    return json.dumps(document).encode()


def _schema_1(baselines: bytes) -> bytes:
    document = json.loads(baselines)
    environments = {}
    for number, cell in enumerate(document["cells"].values()):
        environments[f"e{number}"] = cell["environment"]
        cell["environment"] = f"e{number}"
    return json.dumps({**document, "schema": 1, "environments": environments}).encode()


def _reports() -> tuple[bytes, ...]:
    process = {"pid": 7, "parent_pid": 1, "name": "python3", "vm_hwm_bytes": 99, "pss_bytes": 33}
    rows = [[step, 900, 700, 50, 20, 60, 650, 1] for step in range(3)]
    full = make_report(processes=[process, {**process, "pid": 9, "parent_pid": 7}], series=rows, at_kill={"anon": 5})
    killed = make_report(exit_code=None, signal=9, oom_kills=1, processes=[{**process, "name": "tini"}])
    return (full.encode(), killed.encode(), make_report(exit_code=3, oom_kills=1, peak_bytes=None).encode())


def _samples() -> tuple[bytes, ...]:
    line = '{"elapsed_ns": 500000000, "peak_bytes": 50, "unreclaimable_peak_bytes": 40, "oom_kills": 0}\n'
    return ((line * 3).encode(),)


def _journals() -> tuple[bytes, ...]:
    gc = {"collections": [3, 2, 1], "collected": [30, 20, 10], "uncollectable": [0, 0, 0], "seconds": 0.25}
    phases = [
        {"event": "phase", "name": name, "bytes": 4096} for name in ("interpreter", "imported", "returned", "left")
    ]
    cycles = [{"event": "cycle", "seconds": 0.5, "metrics": {"entries": n, "lag": n * 1.5}} for n in range(6)]
    cycled = {"event": "cycled", "first": 0.75, "last": 3.0}
    end = {**END, "cycles": 6, "metrics": {"entries": 5, "lag": 7.5}, "gc": gc}
    runs: tuple[list[dict[str, Any]], ...] = (
        [START, *phases, *cycles, cycled, end],
        [START, *phases[:2], END],
        [START, RAISED],
        [START, LOAD_ERROR],
    )
    return tuple("".join(json.dumps(event) + "\n" for event in run).encode() for run in runs)


def _journal_of_runs(folder: Path) -> bytes:
    result = make_result(make_cell(), make_cell("agents.b-py312-128m"))
    journal = Journal(folder / "journaled.json")
    journal.begin(result, result.cells[:1])
    journal.add(result.cells[1].cell, result.cells[1].runs[0], number=0, is_warmup=False)
    return journal_path(folder / "journaled.json").read_bytes()


def _read_campaign_journal(content: bytes, folder: Path) -> None:
    journal_path(folder / "r.json").write_bytes(content)
    result = load_interrupted(folder / "r.json")
    if crc32(content) % _USED == 0:
        _use(result, render=False)


def _profiles(folder: Path) -> tuple[bytes, ...]:
    path = folder / "profile.json"
    save_profile(make_profile(make_site(), make_site(32, line=9)), path, overwrite=True)
    return (path.read_bytes(),)


def _read_result(content: bytes, folder: Path) -> None:
    path = folder / "r.json"
    path.write_bytes(content)
    result = load_result(path)
    chance = crc32(content)
    if chance % _USED == 0:
        _use(result, render=chance % _RENDERED == 0)


def _use(result: CampaignResult, *, render: bool) -> None:
    """Do with a result what commands do: judge it, make baselines of it, and render it."""
    baselines, _ = as_baselines(make_result())
    verdicts = judge(result, baselines, RULES)
    accepted, _ = as_baselines(result)
    for suite in {each.suite for each in accepted.cells.values()}:
        suite_text(suite, [each for each in accepted.cells.values() if each.suite == suite])
    if render:
        view = build_view(result, verdicts, exit_code=0, against="", project="")
        for chosen in FORMATS:
            chosen.render(view)


def _read_baselines(content: bytes, folder: Path) -> None:
    path = folder / "agents.json"
    path.write_bytes(content)
    alone = load_baseline_file(path)
    found = load_baselines(folder)
    assert alone is not None, "a folder of baselines has no other files"
    if crc32(content) % _USED == 0:
        judge(make_result(), found, RULES)
        for each in found.cells.values():
            change_lines(None, each)


def _measuring(field: str) -> Callable[[bytes, Path], None]:
    """Return what measures a run in which ``field`` of RawRun holds a content, and asks whether that can be stored."""

    def read(content: bytes, folder: Path) -> None:
        text = content.decode("utf-8", "replace")
        raw = _raw(field, text)
        for spec in (SPEC, OF_A_CALL):
            run = measure(raw, spec, cpus=2)
            if crc32(content) % _USED == 0:
                result = make_result(make_cell(runs=[run], extra_metrics={"lag": "s", "lag_at_10": "s"}))
                _use(_read_again(result, folder / "r.json"), render=crc32(content) % _RENDERED == 0)

    return read


def _read_again(result: CampaignResult, path: Path) -> CampaignResult:
    save_result(result, path, overwrite=True)
    try:
        return load_result(path)
    except FileFormatError as error:
        raise AssertionError(f"what was measured cannot be read again: {error}") from error


def _raw(field: str, text: str) -> RawRun:
    raw = make_raw(workload_journal=_journals()[0].decode(), error_output="Traceback\nValueError: no\n")
    if field == "supervisor_journal":
        return replace(raw, report=None, supervisor_journal=text, exit_code=137, oom_killed_flag=True)
    return replace(raw, report=text) if field == "report" else replace(raw, workload_journal=text)


def _read_profile(content: bytes, folder: Path) -> None:
    path = folder / "profile.json"
    path.write_bytes(content)
    profile = load_profile(path)
    for line in profile.lines():
        profile.source(line.frame)
    save_profile(profile, path, overwrite=True)
    assert load_profile(path) == profile


def _read_variables(content: bytes, folder: Path) -> None:
    path = folder / "prod.env"
    path.write_bytes(content)
    read_env_file(path, {"HERE": "value"})


def _read_sites(content: bytes, folder: Path) -> None:
    (folder / "sites.json").write_bytes(content)
    noted = read_noted(folder)
    if crc32(content) % _USED == 0:
        profile = make_profile(*noted.sites, processes=noted.processes, sources=noted.sources, caveats=noted.caveats)
        save_profile(profile, folder / "profile.json", overwrite=True)
        load_profile(folder / "profile.json")
