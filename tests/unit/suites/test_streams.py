"""A leaky stream retains exactly what it streamed; a fixed one retains nothing and is collected at once."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memcap.testing.retention import assert_collected

Import = Callable[[str, str], ModuleType]


def test_sustained_load_grows_by_one_stream_a_cycle_only_when_leaky(suite_module: Import) -> None:
    workloads = suite_module("streams", "workloads")
    leaky = list(workloads.sustained(streams=6, leaky=True))
    assert [cycle["runs_registered"] for cycle in leaky] == [1, 2, 3, 4, 5, 6]
    assert [cycle["chunks_retained"] for cycle in leaky] == [281 * streams for streams in range(1, 7)]
    assert all(cycle["context_characters"] > 50_000 * cycle["runs_registered"] for cycle in leaky)
    assert not any(value for cycle in workloads.sustained(streams=6, leaky=False) for value in cycle.values())


def test_the_long_context_has_twenty_thousand_tokens(suite_module: Import) -> None:
    context = suite_module("streams", "provider").Provider(seed=1).context(20_000, turns=40)
    assert len(context) == 40
    assert sum(len(message.content) for message in context) == 80_000


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


def answered(suite_module: Import, watch: Callable[[Any], Any], leaky: bool) -> Any:
    """Return a service that has answered one request, whose run and chunks were watched."""
    service = suite_module("streams", "service").Service(suite_module("streams", "provider").Provider(3), leaky)
    run = watch(service.start([{"role": "user", "content": "Hello"}]))
    service.answer(run, steps=2, deltas=5, tokens=100)
    for chunk in run.replay():
        watch(chunk)
    return service


def test_a_fixed_run_is_collected_by_reference_counts_alone(suite_module: Import) -> None:
    with assert_collected(allow_cycles=False) as watch:
        service = answered(suite_module, watch, leaky=False)
    assert service.runs == {}


def test_a_leaky_run_is_not_and_the_failure_names_who_holds_it(suite_module: Import) -> None:
    with pytest.raises(AssertionError) as failure, assert_collected() as watch:
        service = answered(suite_module, watch, leaky=True)
    assert service.runs
    told = str(failure.value)
    assert told.startswith("12 of 12 watched objects were not collected")  # the run, ten chunks and the finish
    assert "variable 'service' -> Service.runs -> dict['run-000001'] -> Run\n" in told
    assert "-> Service.events -> Events.listeners -> dict[1] -> method Run.notice.__self__ -> Run" in told
    assert "dict['run-000001'] -> Run.buffer -> list[3] -> Chunk" in told
    assert "dict['run-000001'] -> Run.steps -> list[1] -> Step.chunks -> list[3] -> Chunk" in told
    assert told.endswith("and 2 more")


@pytest.mark.parametrize("leaky", [True, False])
def test_a_run_whose_provider_fails_is_finished_too(suite_module: Import, leaky: bool) -> None:
    service = suite_module("streams", "service").Service(
        suite_module("streams", "provider").FailingProvider(seed=3), leaky
    )
    for _ in range(2):
        service.answer(service.start([]), steps=1, deltas=2, tokens=100)
    run = service.start([{"role": "user", "content": "Hello"}])
    with pytest.raises(ConnectionError, match="hung up"):
        service.answer(run, steps=1, deltas=2, tokens=100)
    assert run.finished
    assert run.text is None
    assert len(list(run.replay())) == (2 if leaky else 0)  # one of two chunks, and the finish


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
@pytest.mark.parametrize("leaky", [True, False])
def test_a_malformed_message_is_a_clear_type_error_and_leaves_nothing_when_fixed(
    suite_module: Import, malformed: object, complaint: str, leaky: bool
) -> None:
    service = suite_module("streams", "service").Service(suite_module("streams", "provider").Provider(3), leaky)
    with pytest.raises(TypeError, match=complaint):
        service.start([{"role": "user", "content": "Hello"}, malformed])
    assert len(service.runs) == (1 if leaky else 0)
    assert service.events.listeners == {}


def test_listeners_hear_until_they_are_removed(suite_module: Import) -> None:
    events = suite_module("streams", "events").Events()
    heard: list[str] = []
    remove = events.listen(heard.append)
    other = events.listen(heard.append)
    events.publish("one")
    remove()
    remove()  # again: removes nobody else
    events.publish("two")
    other()
    events.publish("three")
    assert heard == ["one", "one", "two"]


def test_a_tree_has_as_many_levels_as_asked_for(suite_module: Import) -> None:
    details = suite_module("streams", "provider").NestingProvider(1, depth=4).details(7)
    assert details == {"tree": {"level": 2, "part": {"level": 1, "part": {"level": 0, "part": {"place": 7}}}}}


def test_the_second_run_has_the_answer_of_the_first_in_its_context(suite_module: Import) -> None:
    counts = suite_module("streams", "workloads").second_run(context_tokens=20_000, leaky=True)
    question, answer = len("Count to one hundred."), 55 * 25 * 4
    assert counts["context_characters"] == (question + answer) + (80_000 + answer) + answer


@pytest.mark.parametrize("leaky", [True, False])
def test_streams_of_a_round_are_under_way_at_once(suite_module: Import, leaky: bool) -> None:
    rounds = list(suite_module("streams", "concurrency").concurrent(rounds=3, at_once=8, leaky=leaky))
    assert [each["most_under_way"] for each in rounds] == [8, 8, 8]
    assert [each["runs_registered"] for each in rounds] == ([8, 16, 24] if leaky else [0, 0, 0])
