"""From a request to an engine that can run it: connect, refuse what cannot be, prepare layers, open the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memcap.campaign import Layers
from memcap.engine.base import Engine
from memcap.engine.docker import DockerEngine
from memcap.engine.docker_client import address, connect, environment
from memcap.engine.docker_mounts import announce_copies, refuse_missing, refuse_unknown_networks
from memcap.engine.process_limits import refuse_container_settings, refuse_uncounted
from memcap.errors import PlanError, UsageError
from memcap.feasible import check_feasible, check_quota, refuse_problems
from memcap.images.instrumented import build_instrumented
from memcap.images.this_machine import HOST, host_layers
from memcap.model import (
    MINIMUM_CAP_BYTES,
    PROCESS_ENGINE,
    CampaignResult,
    ContainerPolicy,
    Environment,
    ImageFacts,
    Layer,
    Plan,
    ProfileTool,
)
from memcap.revision import with_base_layers
from memcap.workflows.caller import Tell
from memcap.workflows.request import CampaignRequest

if TYPE_CHECKING:
    from docker import DockerClient

SAME_MEMORY = 0.01


@dataclass(frozen=True, kw_only=True)
class Ready:
    """An engine, and the layers to run in, those of cells first.

    ``client`` is that of the daemon, None for processes of this machine.
    """

    engine: Engine
    layers: Layers
    client: DockerClient | None = None

    @property
    def layer(self) -> Layer:
        """Return the layer of the only cell."""
        return next(iter(self.layers.values()))

    def instrumented(self, tool: ProfileTool, *, tell: Tell) -> Layer:
        """Return the layer with ``tool`` in it. Raises BuildError where it cannot be had for the image."""
        assert self.client is not None
        return build_instrumented(self.client, self.layer, tool, say=tell)


def made_ready(request: CampaignRequest, tell: Tell) -> AbstractContextManager[Ready]:
    """Return what runs ``request``; it ends with the context. ``tell`` hears what is built.

    The image `host` means processes of this machine, any other containers. Raises DaemonUnavailable, PlanError,
    UsageError, ImageMissing, BuildError, EngineError.
    """
    is_host = all(cell.image == HOST for cell in request.plan.cells)
    return _on_this_machine(request) if is_host else _on_docker(request, tell)


@contextmanager
def _on_docker(request: CampaignRequest, tell: Tell) -> Iterator[Ready]:
    with closing(connect()) as client, ready_on(client, request, tell) as ready:
        yield ready


@contextmanager
def ready_on(client: DockerClient, request: CampaignRequest, tell: Tell) -> Iterator[Ready]:
    """Yield what runs ``request`` on the daemon of ``client``. Raises as `made_ready` does."""
    from memcap.images.prepare import prepare_layers  # noqa: PLC0415 - imports docker

    _refuse(request, environment(client))
    policies = request.plan.policies(request.policy)
    refuse_missing(policies)
    refuse_unknown_networks(client, policies)
    layers = prepare_layers(client, request.plan, request.suites, images=request.images, say=tell)
    if (base := request.base) is not None:
        older = prepare_layers(
            client, base.plan, base.suites, images=base.images, say=lambda text: tell(f"base: {text}")
        )
        layers = with_base_layers(layers, older)
    refuse_other_images(request.earlier, {layer.image.name: layer.image for layer in layers.values()})
    if request.earlier is not None:
        from memcap.engine.docker_leftovers import remove_leftovers  # noqa: PLC0415 - imports psutil

        remove_leftovers(client, request.name.id)
    is_remote = address().is_remote
    if is_remote:
        announce_copies(policies, say=tell)
    with DockerEngine(client, campaign=request.name.id, copies_mounts=is_remote) as engine:
        yield Ready(engine=engine, layers=layers, client=client)


@contextmanager
def _on_this_machine(request: CampaignRequest) -> Iterator[Ready]:
    from memcap.engine.process import ProcessEngine  # noqa: PLC0415 - imports psutil

    if any(cell.is_cold for cell in request.plan.cells):
        raise PlanError(
            "cold runs need containers: the page cache of this machine is not memcap's to empty",
            remedy="Leave out --cold, or use Docker.",
        )
    if request.plan.servers:
        raise PlanError(
            "a server needs containers: the load client and the services run next to it, outside what is measured",
            remedy="Choose another image than `host`.",
        )
    policies = request.plan.policies(request.policy)
    refuse_container_settings(policies)
    with ProcessEngine() as engine:
        machine = engine.environment()
        _refuse(request, machine)
        for policy in policies:
            refuse_uncounted(policy.limits, cgroup_version=machine.cgroup_version)
        layers = host_layers(request.plan, request.suites)
        if request.base is not None:
            layers = with_base_layers(layers, host_layers(request.base.plan, request.base.suites))
        refuse_other_images(request.earlier, {layer.image.name: layer.image for layer in layers.values()})
        yield Ready(engine=engine, layers=layers)


def _refuse(request: CampaignRequest, machine: Environment) -> None:
    """Raise PlanError or UsageError for what ``machine`` cannot honour."""
    refuse_infeasible(request.plan, request.policy, machine)
    refuse_other_machine(request.earlier, machine)


def refuse_infeasible(plan: Plan, policy: ContainerPolicy, machine: Environment) -> None:
    """Raise PlanError with everything of ``plan`` and ``policy`` that the daemon's machine cannot honour."""
    minimum = 0 if machine.engine == PROCESS_ENGINE else MINIMUM_CAP_BYTES
    problems = (
        *check_feasible(plan, memory_bytes=machine.memory_bytes, cpus=machine.cpus or 1, minimum_bytes=minimum),
        *(problem for own in plan.policies(policy) for problem in check_quota(own.limits, machine.cpus)),
    )
    refuse_problems("the daemon cannot honour this plan; nothing was run.", problems)


def refuse_other_machine(earlier: CampaignResult | None, machine: Environment) -> None:
    """Raise UsageError when an interrupted campaign would go on somewhere its figures cannot be compared with."""
    if earlier is None:
        return
    before = earlier.environment
    for name in ("engine", "architecture", "cgroup_version", "kernel", "memory_bytes"):
        if _differ(getattr(before, name), getattr(machine, name)):
            raise UsageError(
                f"the campaign was begun where {name} is {getattr(before, name)}; here it is {getattr(machine, name)}",
                remedy="Go on where it was begun, or begin anew.",
            )


def _differ(before: object, now: object) -> bool:
    """Tell whether a fact has changed; the memory that a kernel finds is a little different at each start."""
    if isinstance(before, int) and isinstance(now, int):
        return abs(before - now) > before * SAME_MEMORY
    return before != now


def refuse_other_images(earlier: CampaignResult | None, images: Mapping[str, ImageFacts]) -> None:
    """Raise UsageError when an interrupted campaign has cells of an image that is another one by now.

    ``images`` are by their names. Those of which nothing was measured yet may have changed.
    """
    if earlier is None:
        return
    changed = []
    for name in dict.fromkeys(done.cell.image for done in earlier.cells):
        before, now = earlier.images.get(name), images.get(name)
        if before and now and (before.content_name, before.python) != (now.content_name, now.python):
            changed.append(f"  {name} was {_described(before)}; now it is {_described(now)}")
    if changed:
        listed = "\n".join(changed)
        raise UsageError(
            f"the campaign was begun with images that have changed since; nothing was run.\n{listed}",
            remedy="Begin anew (`memcap run` without --resume), or bring the images back to what they were.",
        )


def _described(image: ImageFacts) -> str:
    python = f", {image.python.implementation} {image.python.version}" if image.python else ""
    return f"{image.content_name} ({image.origin}{python})"
