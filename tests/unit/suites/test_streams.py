"""A leaky stream retains exactly what it streamed; a fixed one retains nothing and is collected at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tomli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Import = Callable[[str, str], ModuleType]
SUITE = Path(__file__).parents[3] / "suites" / "streams"
NOTHING = {
    "runs_registered": 0,
    "chunks_retained": 0,
    "parts_retained": 0,
    "step_chunks_retained": 0,
    "context_characters": 0,
}
BENCHMARKS: dict[str, dict[str, Any]] = tomli.loads((SUITE / "suite.toml").read_text())["benchmarks"]


def call(suite_module: Import, benchmark: dict[str, Any]) -> Any:
    module, _, function = benchmark["call"].partition(":")
    return getattr(suite_module("streams", module), function)(**benchmark["parameters"])


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("output_buffer", {"chunks_replayed": 101, "chunks_retained": 101, "runs_registered": 1}),
        ("processor_parts", {"parts_retained": 500, "chunks_retained": 501}),
        ("many_steps", {"step_chunks_retained": 1000, "parts_retained": 1000, "chunks_retained": 1001}),
    ],
)
def test_a_leaky_stream_retains_exactly_what_it_streamed(
    suite_module: Import, name: str, counts: dict[str, int]
) -> None:
    retained = call(suite_module, BENCHMARKS[f"{name}_leaky"])
    assert {metric: retained[metric] for metric in counts} == counts
    assert set(retained) == set(BENCHMARKS[f"{name}_leaky"]["metrics"])


@pytest.mark.parametrize("name", ["output_buffer", "processor_parts", "many_steps"])
def test_a_fixed_stream_retains_nothing(suite_module: Import, name: str) -> None:
    retained = call(suite_module, BENCHMARKS[f"{name}_fixed"])
    assert retained.pop("chunks_replayed", 0) == 0
    assert retained == NOTHING


def test_sustained_load_grows_by_one_stream_a_cycle_only_when_leaky(suite_module: Import) -> None:
    workloads = suite_module("streams", "workloads")
    leaky = list(workloads.sustained(streams=6, leaky=True))
    assert [cycle["runs_registered"] for cycle in leaky] == [1, 2, 3, 4, 5, 6]
    assert [cycle["chunks_retained"] for cycle in leaky] == [281 * streams for streams in range(1, 7)]
    assert all(cycle["context_characters"] > 50_000 * cycle["runs_registered"] for cycle in leaky)
    assert list(workloads.sustained(streams=6, leaky=False)) == [NOTHING] * 6


def test_the_long_context_has_twenty_thousand_tokens(suite_module: Import) -> None:
    context = suite_module("streams", "provider").Provider(seed=1).context(20_000, turns=40)
    assert len(context) == 40
    assert sum(len(message.content) for message in context) == 80_000


def test_the_sustained_leak_must_be_killed_and_its_fixed_form_must_not() -> None:
    leaky, fixed = BENCHMARKS["sustained_leaky"], BENCHMARKS["sustained_fixed"]
    assert leaky["expect"] == "oom_killed"
    assert "expect" not in fixed
    assert leaky["caps"] == fixed["caps"] == ["128m"]
    assert {**leaky["parameters"], "leaky": False} == fixed["parameters"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.integers(1, 4), deltas=st.integers(1, 20), leaky=st.booleans())
def test_counts_follow_the_shape_of_the_run(suite_module: Import, steps: int, deltas: int, leaky: bool) -> None:
    retained = suite_module("streams", "workloads").many_steps(steps, deltas, leaky)
    assert retained["chunks_retained"] == (steps * deltas + 1 if leaky else 0)
    assert retained["step_chunks_retained"] == (steps * deltas if leaky else 0)


def test_both_forms_give_the_same_answer(suite_module: Import) -> None:
    answers = []
    for leaky in (True, False):
        service = suite_module("streams", "service").Service(suite_module("streams", "provider").Provider(3), leaky)
        run = service.start([{"role": "user", "content": "Hello"}])
        answers.append(service.answer(run, steps=2, deltas=5, tokens=500))
        assert run.text == answers[-1]
    assert answers[0] == answers[1]
    assert len(answers[0]) == 2000


@pytest.mark.parametrize("leaky", [True, False])
def test_a_finished_run_is_collected_without_the_collector_only_when_fixed(suite_module: Import, leaky: bool) -> None:
    service = suite_module("streams", "service").Service(suite_module("streams", "provider").Provider(3), leaky)
    run = service.start([{"role": "user", "content": "Hello"}])
    service.answer(run, steps=1, deltas=5, tokens=100)
    finished = weakref.ref(run)
    gc.disable()  # reference counts must suffice
    try:
        del run
        assert (finished() is not None) is leaky
    finally:
        gc.enable()


@pytest.mark.parametrize("leaky", [True, False])
def test_a_run_whose_provider_fails_is_finished_too(suite_module: Import, leaky: bool) -> None:
    class Failing:
        def stream(self, deltas: int, tokens: int) -> Any:
            yield "a first piece"
            raise ConnectionError("the provider hung up")

    service = suite_module("streams", "service").Service(Failing(), leaky)
    run = service.start([{"role": "user", "content": "Hello"}])
    with pytest.raises(ConnectionError, match="hung up"):
        service.answer(run, steps=1, deltas=2, tokens=100)
    assert run.finished
    assert run.text is None
    assert service.retained([run])["chunks_retained"] == (2 if leaky else 0)


def test_a_finished_run_takes_no_more_chunks(suite_module: Import) -> None:
    service = suite_module("streams", "service").Service(suite_module("streams", "provider").Provider(3), leaky=True)
    run = service.start([{"role": "user", "content": "Hello"}])
    service.answer(run, steps=1, deltas=1, tokens=100)
    with pytest.raises(RuntimeError, match="run-000001 is finished"):
        run.push({"text": "too late"})


@pytest.mark.parametrize(
    ("malformed", "complaint"),
    [
        (42, "must be a mapping with the texts 'role' and 'content', not int: 42"),
        (None, "not NoneType: None"),
        ("hello", "not str: 'hello'"),
        ({"content": "hello"}, "'role' must be one of system, user, assistant, tool, not None"),
        ({"role": ["user"], "content": "hello"}, r"not \['user'\]"),
        ({"role": "user", "content": 7}, "'content' must be text, not int: 7"),
    ],
)
def test_a_malformed_message_is_a_clear_type_error_and_registers_nothing(
    suite_module: Import, malformed: object, complaint: str
) -> None:
    service = suite_module("streams", "service").Service(suite_module("streams", "provider").Provider(3), leaky=True)
    with pytest.raises(TypeError, match=complaint):
        service.start([{"role": "user", "content": "Hello"}, malformed])
    assert service.runs == {}
