"""The benchmarks of suite.toml; ``leaky`` chooses the form, all else is the same. Python 3.8+.

Each returns (or yields) exact counts of what is retained once the streams are finished. The callers keep their handles,
as the code around a service does; those of generators are dropped after each cycle.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

from held import held_mb
from messages import Message
from output import Run
from provider import FailingProvider, NestingProvider, Provider
from service import Service

Metrics = Dict[str, float]
QUESTION = [{"role": "user", "content": "Count to one hundred."}]
DELTAS = 55  # with the finish 56 chunks, as a usual call of a chat model streams


def output_buffer(deltas: int = 100, leaky: bool = False) -> Metrics:
    """Finish one stream of ``deltas`` chunks and a finish chunk, keep the handle, replay it."""
    service = Service(Provider(seed=21), leaky)
    run = service.start(QUESTION)
    service.answer(run, steps=1, deltas=deltas, tokens=deltas * 25)
    return {**service.retained([run]), "chunks_replayed": sum(1 for _ in run.replay())}


def processor_parts(parts: int = 500, leaky: bool = False) -> Metrics:
    """Finish one stream that an output processor watches."""
    service = Service(Provider(seed=22), leaky)
    run = service.start([{"role": "user", "content": "Tell a long story."}])
    service.answer(run, steps=1, deltas=parts, tokens=parts * 25)
    return service.retained([run])


def many_steps(steps: int = 10, deltas: int = 100, leaky: bool = False) -> Metrics:
    """Finish one agent loop of ``steps`` steps with ``deltas`` chunks each."""
    service = Service(Provider(seed=23), leaky)
    run = service.start([{"role": "user", "content": "Work through the list, one item a step."}])
    service.answer(run, steps, deltas, tokens=deltas * 25)
    return service.retained([run])


def custom_state(objects: int = 1000, tokens: int = 2500, leaky: bool = False) -> Metrics:
    """Finish one stream whose processor made ``objects`` large objects of its own."""
    provider = Provider(seed=25)
    service = Service(provider, leaky)
    run = service.start(QUESTION)
    for number in range(objects):
        run.processor.custom[f"finding-{number}"] = {"number": number, "text": provider.text(tokens)}
    service.answer(run, steps=1, deltas=DELTAS, tokens=DELTAS * 25)
    return {**service.retained([run]), "state_objects": len(run.processor.custom)}


def malformed(requests: int = 30, leaky: bool = False) -> Metrics:
    """Send requests in which a number stands where a message belongs; each must be refused, and leave nothing."""
    provider = Provider(seed=26)
    service = Service(provider, leaky)
    complaints: List[str] = []
    for _ in range(requests):
        try:
            service.start([*provider.context(tokens=2000, turns=4), 42])  # type: ignore[list-item]
        except TypeError as error:
            complaints.append(str(error))
    clear = [text for text in complaints if "a message must be" in text and "not int: 42" in text]
    return {**service.retained(), "type_errors": len(clear)}


def streams(streams: int = 20, deltas: int = DELTAS, tokens: int = 1375, leaky: bool = False) -> Metrics:
    """Finish one stream after the other, and keep the handles."""
    service = Service(Provider(seed=27), leaky)
    runs = [_answered(service, deltas, tokens) for _ in range(streams)]
    return {**service.retained(runs), "payload_characters": sum(map(_payload_characters, runs))}


def second_run(context_tokens: int = 20_000, leaky: bool = False) -> Metrics:
    """Answer a question, then a second time with a long context in which that answer is the last turn."""
    provider = Provider(seed=28)
    service = Service(provider, leaky)
    first = _answered(service, DELTAS, tokens=1375)
    second = service.start([*provider.context(context_tokens, turns=40), Message("assistant", first.text or "")])
    service.answer(second, steps=1, deltas=DELTAS, tokens=1375)
    return service.retained([first, second])


def nested(streams: int = 10, depth: int = 50, leaky: bool = False) -> Metrics:
    """Finish streams each of whose chunks has a structure of ``depth`` levels."""
    service = Service(NestingProvider(29, depth), leaky)
    runs = [_answered(service, DELTAS, tokens=1375) for _ in range(streams)]
    return {**service.retained(runs), "levels_retained": sum(map(_levels, runs))}


def cleanup_callback(runs: int = 30, leaky: bool = False) -> Metrics:
    """Finish runs of which a third fails half-way: the map of runs must lose these too."""
    service = Service(FailingProvider(seed=30), leaky)
    failed = 0
    for _ in range(runs):
        try:
            _answered(service, DELTAS, tokens=1375)
        except ConnectionError:
            failed += 1
    return {**service.retained(), "runs_failed": failed}


def listeners(runs: int = 30, leaky: bool = False) -> Metrics:
    """Finish runs that listened to the service's events; then publish one, which nobody is left to hear."""
    service = Service(Provider(seed=31), leaky)
    finished = [_answered(service, DELTAS, tokens=1375) for _ in range(runs)]
    service.events.publish("the provider has a new limit")
    return {
        **service.retained(finished),
        "listeners": len(service.events.listeners),
        "late_notices": sum(len(run.notices) for run in finished),
    }


def calls(calls: int = 30, deltas: int = DELTAS, tokens: int = 1375, leaky: bool = False) -> Iterator[Metrics]:
    """Make one call after the other, with a context of 1000 tokens; each is a cycle, and its handle is dropped."""
    provider = Provider(seed=32)
    service = Service(provider, leaky)
    before = held_mb()
    for _ in range(calls):
        service.answer(service.start(provider.context(tokens=1000, turns=4)), 1, deltas, tokens)
        yield {**service.retained(), "retained_mb": held_mb() - before}


def sustained(
    streams: int = 250,
    steps: int = 5,
    deltas: int = 56,
    context_tokens: int = 20_000,
    answer_tokens: int = 1000,
    leaky: bool = False,
) -> Iterator[Metrics]:
    """Serve one request after the other; each cycle is one finished stream, whose handle is dropped."""
    provider = Provider(seed=24)
    service = Service(provider, leaky)
    for _ in range(streams):
        context = [Message("system", "You are a patient analyst."), *provider.context(context_tokens, turns=40)]
        service.answer(service.start(context), steps, deltas, answer_tokens)
        yield service.retained()


def _answered(service: Service, deltas: int, tokens: int) -> Run:
    run = service.start(QUESTION)
    service.answer(run, 1, deltas, tokens)
    return run


def _payload_characters(run: Run) -> int:
    return sum(len(chunk.payload.get("text", "")) for chunk in run.buffer)


def _levels(run: Run) -> int:
    """Count the levels of the trees in the buffer, without recursion as they may be deep."""
    count = 0
    for chunk in run.buffer:
        tree: Any = chunk.payload.get("tree")
        while tree is not None:
            count += 1
            tree = tree.get("part")
    return count
