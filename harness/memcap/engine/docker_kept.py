"""Services that live as long as a campaign, and the network that they and all servers that need them are in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from memcap.engine.docker_create import create_holder
from memcap.engine.docker_member import TERM, Member, Runner
from memcap.model import RunSpec, ServiceScope, Serving

if TYPE_CHECKING:
    from docker import DockerClient

LONGEST_SECONDS: Final = 7 * 24 * 3600.0  # the supervisor's time limit, which ends every run
LOOK_SECONDS: Final = 0.5


def is_kept(serving: Serving) -> bool:
    """Tell whether a server needs a service that outlives its run."""
    return any(each.service.scope is ServiceScope.CAMPAIGN for each in serving.services)


class KeptServices:
    """The services of ``spec`` that outlive its run, and the holder of their network; started at once.

    Servers that share a network cannot listen on the same port at once, so runs take turns.
    """

    def __init__(self, client: DockerClient, spec: RunSpec, serving: Serving, runner: Runner) -> None:
        self._client = client
        self._runner = runner
        self._asked = self._key(spec, serving)
        self._turn = threading.Lock()
        self._stack = ExitStack()
        holder = create_holder(client, spec)
        self._stack.enter_context(runner.removed_at_the_end(holder))
        self.network = f"container:{holder}"
        kept = [each for each in serving.services if each.service.scope is ServiceScope.CAMPAIGN]
        self._pool = ThreadPoolExecutor(len(kept), "memcap-kept")
        self.members = {
            each.service.name: Member(
                each.service.name, replace(each.run, time_limit_seconds=LONGEST_SECONDS), self.network
            )
            for each in kept
        }
        try:
            client.api.start(holder)
            for each in kept:
                self.members[each.service.name].start(self._pool, runner, each.service.files)
        except BaseException:
            self.close()
            raise

    def serves(self, spec: RunSpec, serving: Serving) -> bool:
        """Tell whether these are the services of ``serving``, and all of them run."""
        return self._asked == self._key(spec, serving) and not any(each.is_over for each in self.members.values())

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other run is in the network. Raises Interrupted."""
        while not self._turn.acquire(timeout=LOOK_SECONDS):
            self._runner.refuse_when_cancelled()
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Stop the services, and remove the holder."""
        for member in self.members.values():
            member.signal(self._client, TERM)
        for member in self.members.values():
            if member.future is not None:
                with suppress(Exception):  # nobody asks any more what became of it
                    member.future.result()
        self._pool.shutdown()
        self._stack.close()

    @staticmethod
    def _key(spec: RunSpec, serving: Serving) -> tuple[object, ...]:
        policy = spec.policy
        return [each.service for each in serving.services], policy.network, policy.hostname, policy.add_hosts
