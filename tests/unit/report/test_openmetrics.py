"""Metrics as text: what OpenMetrics' own parser and Prometheus' read of it, with figures known beforehand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_text import read_openmetrics, read_prometheus
from prometheus_client.samples import Sample, Timestamp
from views import hostile_view, view_of_every_verdict

from factories import CELL_ID, MIB, make_cell, make_measurement, make_oom, make_result, make_runs
from memcap.model import (
    NO_CAP_BYTES,
    UNCAPPED,
    Cap,
    LoadFigures,
    LoadTimes,
    PhaseFigures,
    PhaseName,
    ServerRun,
    VerdictState,
)
from memcap.report import metric_table
from memcap.report.metric_family import (
    MetricCollector,
    MetricFamily,
    MetricKind,
    MetricSample,
    unix_time,
    without_times,
)
from memcap.report.metric_table import ALL_METRICS
from memcap.report.openmetrics import (
    openmetrics_text,
    prometheus_text,
    render_openmetrics,
    render_prometheus,
)
from memcap.report.view import View, build_view

FOREIGN = {"container_memory_usage_bytes", "container_memory_max_usage_bytes", "container_spec_memory_limit_bytes",
           "container_oom_events"}  # fmt: skip
STARTED = "2026-11-20T07:48:20+00:00"
STARTED_SECONDS = 1_795_160_900


def samples(text: str) -> dict[str, list[Sample]]:
    """Return the samples that OpenMetrics' parser finds, by their name; it raises for what breaks the specification."""
    found: dict[str, list[Sample]] = {}
    for family in read_openmetrics(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def one(text: str, name: str, **labels: str) -> float:
    """Return the value of the only sample ``name`` that has ``labels``."""
    (sample,) = (each for each in samples(text)[name] if labels.items() <= each.labels.items())
    return sample.value


def view_of(*runs: object, **changes: object) -> View:
    cell = make_cell(runs=runs, **changes)  # type: ignore[arg-type]
    return build_view(make_result(cell, started=STARTED), is_judged=False)


def test_each_figure_is_that_of_its_run() -> None:
    first = make_measurement(
        10,
        unreclaimable_peak_bytes=9 * MIB,
        unreclaimable_peak_low_bytes=8 * MIB,
        unreclaimable_peak_high_bytes=10 * MIB,
        rss_peak_bytes=7 * MIB,
        floor_bytes=MIB,
        cap_bytes=129 * MIB,
        wall_seconds=1.25,
        cpu_seconds=0.5,
        extra={"rows": 3.5},
    )
    text = render_openmetrics(view_of(first, make_oom(), extra_metrics={"rows": "rows"}))

    assert {name: one(text, name, run="1") for name in (
        "container_memory_max_usage_bytes", "container_spec_memory_limit_bytes", "container_oom_events_total",
        "memcap_unreclaimable_peak_bytes", "memcap_unreclaimable_peak_low_bytes",
        "memcap_unreclaimable_peak_high_bytes", "memcap_rss_peak_bytes", "memcap_floor_bytes", "memcap_wall_seconds",
        "memcap_cpu_seconds",
    )} == {
        "container_memory_max_usage_bytes": 10 * MIB,
        "container_spec_memory_limit_bytes": 129 * MIB,
        "container_oom_events_total": 0,
        "memcap_unreclaimable_peak_bytes": 9 * MIB,
        "memcap_unreclaimable_peak_low_bytes": 8 * MIB,
        "memcap_unreclaimable_peak_high_bytes": 10 * MIB,
        "memcap_rss_peak_bytes": 7 * MIB,
        "memcap_floor_bytes": MIB,
        "memcap_wall_seconds": 1.25,
        "memcap_cpu_seconds": 0.5,
    }  # fmt: skip
    assert one(text, "memcap_workload_metric", metric="rows", metric_unit="rows") == 3.5
    assert one(text, "container_oom_events_total", run="2") == 1
    assert one(text, "memcap_cap_bytes", cell=CELL_ID) == 128 * MIB
    assert {each.labels["ending"] for each in samples(text)["memcap_run_info"]} == {"completed", "oom_killed"}


def test_all_samples_have_the_time_of_the_campaign() -> None:
    found = samples(render_openmetrics(view_of(make_measurement())))
    times = [each.timestamp for of_name in found.values() for each in of_name]

    assert all(isinstance(time, Timestamp) and float(time) == STARTED_SECONDS for time in times)
    plain = read_prometheus(render_prometheus(view_of(make_measurement())))
    assert {sample.timestamp for family in plain for sample in family.samples} == {None}


def test_phases_and_loads_of_a_server_are_there() -> None:
    server = ServerRun(
        phases=(
            PhaseFigures(name=PhaseName.START, start_seconds=0, end_seconds=1),
            PhaseFigures(
                name=PhaseName.LOAD, start_seconds=1, end_seconds=2, level=2.0, unreclaimable_peak_bytes=7 * MIB
            ),
        ),
        loads=(
            LoadFigures(requests=200, errors=3, level=2.0, latency_seconds=LoadTimes(p50=0.5, p95=None, p99=2, max=3)),
        ),
    )
    text = render_openmetrics(view_of(make_measurement(server=server)))

    ((phase, peak),) = (
        (each.labels["phase"], each.value) for each in samples(text)["memcap_phase_unreclaimable_peak_bytes"]
    )
    assert (phase, peak) == ("load", 7 * MIB)
    assert one(text, "memcap_load_requests", level="2") == 200
    assert one(text, "memcap_load_errors", level="2") == 3
    assert "memcap_load_requests_per_second" not in samples(text)
    latency = {each.labels["stat"]: each.value for each in samples(text)["memcap_load_latency_seconds"]}
    assert latency == {"p50": 0.5, "p99": 2, "max": 3}


def test_what_was_not_measured_is_left_out_and_not_zero() -> None:
    bare = make_measurement(None, unreclaimable_peak_bytes=None, rss_peak_bytes=None, wall_seconds=None,
                            cpu_seconds=None, floor_bytes=None, cap_bytes=None)  # fmt: skip
    bare = replace(bare, oom=replace(bare.oom, kills=None))
    names = set(samples(render_openmetrics(view_of(bare))))

    assert names == {"memcap_campaign_info", "memcap_campaign_start_time_seconds", "memcap_cell_info",
                     "memcap_cap_bytes", "memcap_run_info"}  # fmt: skip


def test_plain_processes_have_no_metric_of_a_container() -> None:
    names = set(samples(render_openmetrics(view_of(make_measurement(10, cgroup_version=None)))))

    assert "memcap_peak_bytes" in names
    assert not any(name.startswith("container_") for name in names)


@pytest.mark.parametrize("size", [NO_CAP_BYTES, 2**63 - 4096])
def test_no_cap_is_no_sample(size: int) -> None:
    run = make_measurement(cap_bytes=size)
    cell = make_cell("agents.crew-host-uncapped", [run], cap=Cap(name=UNCAPPED, bytes=size))
    names = set(samples(render_openmetrics(build_view(make_result(cell), is_judged=False))))

    assert not names & {"memcap_cap_bytes", "container_spec_memory_limit_bytes"}


def test_a_cell_is_in_exactly_one_state() -> None:
    view = view_of_every_verdict()
    states = samples(render_openmetrics(view))["memcap_verdict"]
    cells = {each.labels["cell"] for each in states}

    assert len(cells) == len(VerdictState)
    for cell in view.cells:
        assert cell.verdict is not None
        is_so = {each.labels["memcap_verdict"] for each in states if each.labels["cell"] == cell.id and each.value}
        assert is_so == {cell.verdict.state.value}
    assert one(render_openmetrics(view), "memcap_check_exit_code") == 99


def test_a_change_is_a_part_of_the_baseline() -> None:
    text = render_openmetrics(view_of_every_verdict())

    assert one(text, "memcap_change_ratio", cell="agents.regressed-py312-128m", metric="peak") == pytest.approx(
        7.6 / 62.5
    )
    assert "memcap_change_ratio" not in samples(render_openmetrics(view_of(*make_runs())))


def test_two_projects_of_one_repository_have_names_of_their_own() -> None:
    view = build_view(make_result(make_cell()), is_judged=False, project="services/api")

    assert one(render_openmetrics(view), "memcap_cap_bytes", cell=f"services/api/{CELL_ID}") == 128 * MIB


def test_both_texts_have_the_same_values() -> None:
    view = view_of_every_verdict()
    plain = {(each.name, tuple(sorted(each.labels.items()))): each.value
             for family in read_prometheus(render_prometheus(view)) for each in family.samples}  # fmt: skip
    rich = {(each.name, tuple(sorted(each.labels.items()))): each.value
            for family in samples(render_openmetrics(view)).values() for each in family}  # fmt: skip

    assert plain == rich


def test_prometheus_knows_neither_units_nor_states() -> None:
    lines = render_prometheus(view_of_every_verdict()).splitlines()

    assert {line.split()[3] for line in lines if line.startswith("# TYPE")} == {"gauge", "counter"}
    assert "# TYPE container_oom_events_total counter" in lines
    assert not any(line.startswith(("# UNIT", "# EOF")) for line in lines)


@given(st.text(max_size=60))
def test_labels_of_any_text_are_read_again(text: str) -> None:
    """Names come from outside: quotes, line ends, backslashes and control characters break no line."""
    found = MetricCollector()
    found.add(metric_table.WORKLOAD_METRIC, {"metric": text, "run": "1"}, 1.0)
    (family,) = read_openmetrics(openmetrics_text(found.points()))
    (plain,) = read_prometheus(prometheus_text(found.points()))
    (sample,), (other,) = family.samples, plain.samples

    assert sample.labels == other.labels
    assert sample.labels.get("metric", "").isprintable()
    if text.isprintable():
        assert sample.labels.get("metric", "") == text


@given(st.text(max_size=40))
def test_any_result_can_be_read(text: str) -> None:
    view = hostile_view(text)
    assert samples(render_openmetrics(view))
    assert read_prometheus(render_prometheus(view))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(min_value=-(2**53), max_value=2**60))
def test_numbers_are_exact(value: float) -> None:
    found = MetricCollector()
    found.add(metric_table.WALL, {}, value)
    (family,) = read_openmetrics(openmetrics_text(found.points()))

    assert family.samples[0].value == value


def test_samples_of_one_series_stand_together_in_order() -> None:
    found = MetricCollector()
    for second in (0.0, 0.5, 60.25):
        for pid in ("7", "8"):
            found.add(metric_table.GC_OBJECTS, {"pid": pid}, 1, 1_700_000_000 + second)
    (family,) = read_openmetrics(openmetrics_text(found.points()))

    assert [each.labels["pid"] for each in family.samples] == ["7"] * 3 + ["8"] * 3
    assert [float(each.timestamp or 0) for each in family.samples[:3]] == [
        1_700_000_000,
        1_700_000_000.5,
        1_700_000_060.25,
    ]


def test_without_times_the_newest_stays() -> None:
    found = MetricCollector()
    for value in (1, 2, 3):
        found.add(metric_table.USAGE, {"soak": "a"}, value, float(value))
    (points,) = without_times(found.points())

    assert points.samples == (MetricSample(labels={"soak": "a"}, value=3),)


def test_nothing_is_a_document_as_well() -> None:
    assert openmetrics_text(()) == "# EOF\n"
    assert prometheus_text(()) == ""


def test_a_time_that_is_none_is_left_out() -> None:
    assert unix_time("yesterday") is None
    assert unix_time("2026-11-20T07:48:20") == unix_time(STARTED) == STARTED_SECONDS


def names_of(families: Iterable[MetricFamily]) -> list[str]:
    return [each.name for each in families]


def test_names_are_unique_and_foreign_ones_are_few() -> None:
    names = names_of(ALL_METRICS)

    assert len(set(names)) == len(names)
    assert {name for name in names if not name.startswith("memcap_")} == FOREIGN
    assert {each.name for each in ALL_METRICS if each.like} == FOREIGN


@pytest.mark.parametrize("family", ALL_METRICS, ids=lambda each: each.name)
def test_names_keep_to_the_rules(family: MetricFamily) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
    assert not family.name.endswith(("_total", "_info", "_count", "_sum", "_bucket"))
    assert family.help.endswith(".")
    assert "\n" not in family.help + family.like
    if family.kind in (MetricKind.INFO, MetricKind.STATESET):
        assert family.unit == ""
