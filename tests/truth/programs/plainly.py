"""Run programs with Docker alone, without memcap: what they survive is the truth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truth.programs.images import LABEL
from truth.programs.model import KIB, MIB, Program
from truth.programs.search import find_bounds

from memcap.engine.docker_client import environment

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

LEAST_BYTES = 6 * MIB  # Docker takes no smaller cap
MOST_BYTES = 1024 * MIB
LONGEST_SECONDS = 120
PATIENCE_SECONDS = 20  # a run that takes longer than this, and this many times longer than one at ease, has not lived
PATIENCE_FACTOR = 10
PIDS = 2048
POLL_SECONDS = 0.02
NO_CPUS_KNOWN = 1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one run ended: ``lived`` with exit code 0 and nothing killed; the daemon's or the program's last words."""

    lived: bool
    seconds: float
    words: str


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Between which caps a program begins to live, and how long it takes with room to spare and just above."""

    dies: int
    lives: int
    seconds_at_ease: float
    seconds_at_cap: float

    @property
    def slowdown(self) -> float:
        """Return how many times longer it takes just above its smallest cap."""
        return self.seconds_at_cap / max(self.seconds_at_ease, 0.001)


def find_truth(client: DockerClient, reference: str, program: Program) -> Truth:
    """Find the smallest cap under which the program ends well. Raises RuntimeError if it never does, or always."""
    run_plainly(client, reference, program, MOST_BYTES)  # its files are in the page cache then, and charged to nobody
    at_ease = run_plainly(client, reference, program, MOST_BYTES)
    if not at_ease.lived:
        raise RuntimeError(f"it does not end well with {MOST_BYTES // MIB} MiB: {at_ease.words}")
    slowest = {MOST_BYTES: at_ease.seconds}
    patience = max(PATIENCE_SECONDS, PATIENCE_FACTOR * at_ease.seconds)

    def lives(cap: int) -> bool:
        outcome = run_plainly(client, reference, program, cap, patience)
        slowest[cap] = max(outcome.seconds, slowest.get(cap, 0.0))
        return outcome.lived

    bounds = find_bounds(lives, least=LEAST_BYTES, most=MOST_BYTES, patchy=program.patchy)
    if bounds.dies == LEAST_BYTES:
        raise RuntimeError(f"it lives with less than Docker's smallest cap, {LEAST_BYTES // MIB} MiB, or nearly")
    return Truth(
        dies=bounds.dies,
        lives=bounds.lives,
        seconds_at_ease=at_ease.seconds,
        seconds_at_cap=slowest[bounds.lives],
    )


def run_plainly(
    client: DockerClient,
    reference: str,
    program: Program,
    cap: int,
    patience: float = LONGEST_SECONDS,
    *,
    cpuset: str | None = None,
) -> Outcome:
    """Run the program once in a fresh container, as ``docker run --network none --memory CAP`` does."""
    from docker.errors import APIError

    with _container(client, reference, program, cap, cpuset) as container:
        started = time.monotonic()
        try:
            container.start()
        except APIError as error:  # the runtime itself did not fit
            return Outcome(lived=False, seconds=0.0, words=str(error.explanation))
        ended = _wait(container, started + patience)
        seconds = time.monotonic() - started
        if not ended:
            container.kill()
            return Outcome(lived=False, seconds=seconds, words="it did not end")
        container.reload()
        state = container.attrs["State"]
        lived = state["ExitCode"] == 0 and not state["OOMKilled"]
        return Outcome(lived=lived, seconds=seconds, words="" if lived else _words(container))


@contextmanager
def _container(
    client: DockerClient, reference: str, program: Program, cap: int, cpuset: str | None
) -> Iterator[Container]:
    from docker.types import LogConfig

    container = client.containers.create(
        reference,
        list(program.argv),
        environment=program.env,
        network_mode="none",
        mem_limit=cap,
        memswap_limit=cap,
        cpuset_cpus=cpuset,
        pids_limit=PIDS,
        labels={LABEL: "programs"},
        log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m"}),
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def _wait(container: Container, deadline: float) -> bool:
    """Wait for the container's end; tell whether it came in time."""
    from requests.exceptions import ConnectionError as ConnectionFailed
    from requests.exceptions import ReadTimeout

    try:
        container.wait(timeout=max(deadline - time.monotonic(), 1))
    except (ConnectionFailed, ReadTimeout):
        return False
    return True


def _words(container: Container) -> str:
    state = container.attrs["State"]
    lines = container.logs(tail=3).decode("utf-8", "replace").split("\n")
    return f"exit code {state['ExitCode']}, OOMKilled {state['OOMKilled']}: {' / '.join(filter(None, lines))[:300]}"


def charged_ahead(client: DockerClient) -> int:
    """Return how many bytes the kernel may charge a container ahead of its use: 64 pages for each CPU."""
    return 256 * KIB * (environment(client).cpus or NO_CPUS_KNOWN)
