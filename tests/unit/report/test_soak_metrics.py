"""Metrics of soaks: every sample with its time, and the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from metrics_text import read_openmetrics
from prometheus_client.samples import Sample
from soaks import make_calls, make_soak, recorded, samples_of, stretched

from factories import MIB, make_oom
from memcap.leaks import Series
from memcap.model import SoakKind, SoakRules
from memcap.report.metric_family import MetricPoints
from memcap.report.openmetrics import openmetrics_text
from memcap.report.soak_metrics import newest_soak_metrics, soak_metrics

LEAK = make_calls(stretched(recorded("leak_bytes"), 30))
CACHE = make_soak(stretched(recorded("bounded_deque"), 30))
STARTED = 1_796_032_800  # 2026-11-30T10:00:00Z


def read(points: tuple[MetricPoints, ...]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for family in read_openmetrics(openmetrics_text(points)):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def test_each_sample_is_there_with_its_time() -> None:
    found = read(soak_metrics(LEAK))["memcap_unreclaimable_bytes"]

    assert [each.value for each in found] == [each.memory.unreclaimable_bytes for each in LEAK.samples]
    seconds = [float(each.timestamp or 0) - STARTED for each in found]
    assert seconds == pytest.approx([each.memory.seconds for each in LEAK.samples], abs=0.001)
    assert {tuple(sorted(each.labels.items())) for each in found} == {
        (("image", "py312"), ("soak", LEAK.id), ("workload", "soak.sessions"))
    }


def test_the_names_of_others_are_only_for_the_same_quantity() -> None:
    """RSS of a soak is a sum over processes, and cAdvisor's that of the cgroup; its working set is not known."""
    found = read(soak_metrics(LEAK))
    look = LEAK.samples[-1].memory

    assert found["container_memory_usage_bytes"][-1].value == look.usage_bytes
    assert found["memcap_rss_bytes"][-1].value == look.rss_bytes
    assert {name for name in found if name.startswith("container_")} == {
        "container_memory_usage_bytes", "container_memory_max_usage_bytes", "container_spec_memory_limit_bytes",
        "container_oom_events_total",
    }  # fmt: skip


def test_work_and_python_are_there() -> None:
    found, last = read(soak_metrics(LEAK)), LEAK.samples[-1]
    assert last.work is not None

    assert found["memcap_work_total"][-1].value == last.work.done
    assert {each.labels["stat"]: each.value for each in found["memcap_work_time_seconds"]}["p50"] == 0.0042
    assert found["memcap_gc_objects"][-1].value == last.python[0].gc_objects
    assert {each.labels["generation"] for each in found["memcap_gc_collections_total"]} == {"0", "1", "2"}
    assert found["memcap_workload_metric"][-1].labels["metric"] in ("sessions", "hit_rate")
    assert "memcap_work_failed_total" not in found
    assert "memcap_pss_bytes" not in found


def test_a_verdict_has_its_rate_by_the_second() -> None:
    found, verdict = read(soak_metrics(LEAK)), LEAK.verdict
    assert verdict.per_hour is not None

    (growth,) = found["memcap_growth_bytes_per_second"]
    assert growth.value == pytest.approx(verdict.per_hour.estimate / 3600)
    assert found["memcap_growth_low_bytes_per_second"][0].value <= growth.value
    assert growth.value <= found["memcap_growth_high_bytes_per_second"][0].value
    assert [each.value for each in found["memcap_leak"]] == [1]
    states = {each.labels["memcap_leak_class"] for each in found["memcap_leak_class"] if each.value}
    assert states == {"linear_leak"}
    assert found["memcap_time_to_cap_seconds"][0].value == pytest.approx(verdict.seconds_to_cap)
    assert found["memcap_soak_running"][0].value == 0


def test_what_has_no_line_has_no_growth() -> None:
    found = read(soak_metrics(CACHE))

    assert found["memcap_leak"][0].value == 0
    assert "memcap_growth_bytes_per_second" not in found


def test_a_soak_without_anything_says_what_it_is() -> None:
    nothing = make_soak(Series(seconds=[], values=[]), samples=(), measurement=None, environment=None, container="")
    found = read(newest_soak_metrics(nothing))

    assert found["memcap_soak_info"][0].labels == {
        "soak": nothing.id, "workload": "python app.py", "image": "py312", "kind": "command",
    }  # fmt: skip
    assert found["memcap_soak_running"][0].value == 1
    assert not {"memcap_leak", "memcap_unreclaimable_bytes", "memcap_run_info"} & set(found)


def test_now_is_the_last_sample() -> None:
    found = read(newest_soak_metrics(replace(LEAK, measurement=None)))

    assert [each.value for each in found["memcap_rss_bytes"]] == [LEAK.samples[-1].memory.rss_bytes]
    assert "container_oom_events_total" not in found  # not known while it runs


def test_a_kill_is_counted() -> None:
    found = read(soak_metrics(replace(LEAK, measurement=make_oom())))

    assert found["container_oom_events_total"][0].value == 1
    assert found["memcap_run_info"][0].labels["ending"] == "oom_killed"


def test_rules_are_figures() -> None:
    rules = SoakRules(duration_seconds=7200, max_rss_bytes=500 * MIB)
    found = read(soak_metrics(replace(LEAK, rules=rules, kind=SoakKind.SERVER, samples=samples_of(LEAK.series, 3))))

    assert found["memcap_soak_duration_seconds"][0].value == 7200
    assert found["memcap_max_rss_bytes"][0].value == 500 * MIB
    assert found["memcap_cap_bytes"][0].value == 512 * MIB
