"""The benchmarks of suite.toml; ``leaky`` chooses the form, all else is the same. Python 3.8+.

Each returns (or yields) exact counts of what is retained once the streams are finished.
"""

from __future__ import annotations

from typing import Dict, Iterator

from messages import Message
from provider import Provider
from service import Service

Metrics = Dict[str, float]


def output_buffer(deltas: int = 100, leaky: bool = False) -> Metrics:
    """Finish one stream of ``deltas`` chunks and a finish chunk, keep the handle, replay it."""
    service = Service(Provider(seed=21), leaky)
    run = service.start([{"role": "user", "content": "Count to one hundred."}])
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


def sustained(
    streams: int = 250, steps: int = 5, deltas: int = 56, context_tokens: int = 20_000, leaky: bool = False
) -> Iterator[Metrics]:
    """Serve one long-context request after the other; each cycle is one finished stream, whose handle is dropped."""
    provider = Provider(seed=24)
    service = Service(provider, leaky)
    for _ in range(streams):
        context = [Message("system", "You are a patient analyst."), *provider.context(context_tokens, turns=40)]
        service.answer(service.start(context), steps, deltas, tokens=context_tokens // 20)
        yield service.retained()
