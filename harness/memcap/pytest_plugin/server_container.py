"""A server that runs in a container under a cap, whose port is published on this machine."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from memcap.calibration import Calibration, calibrate
from memcap.engine.docker import DockerEngine
from memcap.engine.docker_client import connect
from memcap.engine.docker_server import ServerRunning
from memcap.errors import EngineError, MemcapError, UsageError
from memcap.images.build import build_images
from memcap.images.layer import build_layer
from memcap.measuring import measure
from memcap.measuring.output_tail import output_tail
from memcap.model import (
    Benchmark,
    CampaignSettings,
    Cap,
    Cell,
    ClientCommand,
    ContainerPolicy,
    ImageSource,
    Layer,
    RawServing,
    RunSpec,
    ServerWorkload,
    Serving,
    signal_number,
)
from memcap.model.names import new_campaign_id
from memcap.pytest_plugin.cell_names import SUITE, cell_name
from memcap.pytest_plugin.server_options import HOST_NETWORK, ContainerSettings, ServerSettings
from memcap.pytest_plugin.server_running import OWN_ENDINGS, Stopped, how_ended
from memcap.run_spec import run_spec
from memcap.testing.cgroup import CgroupFolder, own_cgroup
from memcap.testing.reading import children_of, has_memory

if TYPE_CHECKING:
    from docker import DockerClient

LONGEST_SECONDS: Final = 24 * 3600.0
_ENDING_SECONDS: Final = 5.0  # until a container that has ended is read and removed
_PREPARED: Final = pytest.StashKey[dict[ImageSource, "Prepared"]]()


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What servers of one image are started from."""

    layer: Layer
    calibration: Calibration


class ServerContainer:
    """Start the server at once. Raises MemcapError for what cannot be started, and where it cannot be measured."""

    metric = "unreclaimable memory of the server's container (cgroup)"
    has_own_root = False

    def __init__(self, settings: ServerSettings, item: pytest.Item, image: ImageSource) -> None:
        assert settings.container is not None
        self._printed = ""
        self._kills: int | None = None
        campaign = _campaign(settings, settings.container)
        with ExitStack() as stack:
            client = stack.enter_context(closing(connect()))
            engine = stack.enter_context(DockerEngine(client, campaign=campaign.id))
            prepared = _prepared(item.config, image, client, engine, campaign)
            self._cpus = engine.environment().cpus
            self._spec = _spec(settings, _cell(settings, settings.container, item, image), prepared, campaign)
            self._server = _running(client, engine, self._spec)
            stack.callback(self._server.close)
            self.root_pid = self._server.pid
            self._cgroup = _cgroup(self._server)
            self._stack = stack.pop_all()

    def is_running(self) -> bool:
        """Tell whether the container runs."""
        return self._server.is_running()

    def succeeds(self, argv: Sequence[str]) -> bool:
        """Tell whether a command exits with 0 in the container."""
        return self._server.succeeds(argv)

    def unreclaimable_bytes(self) -> int | None:
        """Return what the container holds now; None if it ended."""
        try:
            return self._cgroup.unreclaimable_bytes() if self._cgroup else None
        except MemcapError:
            return None

    def oom_kills(self) -> int | None:
        """Return how many of its processes the kernel killed at the cap."""
        return self._cgroup.oom_kills() if self._kills is None and self._cgroup else self._kills

    def output(self) -> str:
        """Return the end of what it printed."""
        return self._printed or self._server.output()

    def stop(self, *, ready_at: float | None) -> Stopped:
        """Send the image's stop signal to the main process, and after the grace period SIGKILL to all."""
        if not any(map(has_memory, children_of(self.root_pid))):  # it has just ended; the supervisor sees that first
            self._server.ends_within(_ENDING_SECONDS)
        was_running = self.is_running()
        raw = self._server.stop()
        self._printed = output_tail(raw)
        serving = RawServing(events="\n".join(_events(ready_at, was_running=was_running)))
        found = measure(replace(raw, serving=serving), self._spec, cpus=self._cpus)
        self._kills = found.oom.kills
        code = -found.signal if found.signal else found.exit_code
        return Stopped(
            ending=found.ending,
            detail=found.detail if code is None or found.ending not in OWN_ENDINGS else how_ended(code),
            peak_bytes=found.peak_bytes,
            unreclaimable_peak_bytes=found.unreclaimable_peak_bytes,
        )

    def close(self) -> None:
        """Kill it if it runs, and remove its container."""
        self._stack.close()


def _prepared(
    config: pytest.Config, image: ImageSource, client: DockerClient, engine: DockerEngine, campaign: CampaignSettings
) -> Prepared:
    """Return what servers of ``image`` are started from, made once a session."""
    known = config.stash.setdefault(_PREPARED, {})
    if image not in known:
        (facts,) = build_images(client, (image,), say=lambda _: None)
        layer = build_layer(client, facts, None, say=lambda _: None)
        known[image] = Prepared(layer=layer, calibration=calibrate(engine, layer, campaign))
    return known[image]


def _campaign(settings: ServerSettings, container: ContainerSettings) -> CampaignSettings:
    started = datetime.now(timezone.utc).replace(microsecond=0)
    return CampaignSettings(
        id=new_campaign_id(started, SUITE),
        started=started.isoformat(),
        command=("pytest",),
        policy=ContainerPolicy(network=container.network, working_directory=settings.cwd),
        time_limit_seconds=LONGEST_SECONDS,
        jobs=1,
    )


def _spec(settings: ServerSettings, cell: Cell, prepared: Prepared, campaign: CampaignSettings) -> RunSpec:
    workload, layer = cell.benchmark.workload, prepared.layer
    assert isinstance(workload, ServerWorkload)
    target, is_published = settings.target, campaign.policy.network != HOST_NETWORK
    spec = replace(
        run_spec(cell, layer, campaign, attempt=secrets.token_hex(4)),
        stop_signal=signal_number(layer.image.stop_signal),
        grace_seconds=settings.grace_seconds,
        serving=Serving(workload=workload, client_image_id="", client_python=""),  # the test is the client
        ports=(target.port,) if target is not None and is_published else (),
    )
    return prepared.calibration.applied_to(spec)


def _cell(settings: ServerSettings, container: ContainerSettings, item: pytest.Item, image: ImageSource) -> Cell:
    workload = ServerWorkload(
        argv=settings.argv,
        ready=settings.ready,
        load=ClientCommand(argv=()),
        grace_seconds=settings.grace_seconds,
    )
    benchmark = Benchmark(
        suite=SUITE,
        name=cell_name(item.nodeid),
        workload=workload,
        env={"PYTHONUNBUFFERED": "1", **settings.env},  # what was printed before a kill is there
    )
    return Cell(benchmark=benchmark, image=image, cap=Cap(name="cap", bytes=container.cap_bytes))


def _running(client: DockerClient, engine: DockerEngine, spec: RunSpec) -> ServerRunning:
    try:
        return ServerRunning(client, engine, spec)
    except EngineError as error:
        remedy = f'Without a network {spec.policy.network!r} on this daemon, use network="{HOST_NETWORK}".'
        raise EngineError(error.message, remedy=remedy if "network" in error.message else error.remedy) from error


def _cgroup(server: ServerRunning) -> CgroupFolder | None:
    """Return the cgroup of the server's container; None if it ended already.

    Raises UsageError where this machine does not see it.
    """
    with suppress(MemcapError):
        folder = own_cgroup(membership=Path(f"/proc/{server.pid}/cgroup"))
        if server.container in str(folder.path):
            return folder
    if server.ends_within(_ENDING_SECONDS):
        return None
    raise UsageError(
        "the cgroup of the server's container is not visible on this machine",
        remedy="Run pytest on the machine of the Docker daemon.",
    )


def _events(ready_at: float | None, *, was_running: bool) -> Iterator[str]:
    """Yield what memcap's own load client would have told of this run."""
    now = time.monotonic()
    yield json.dumps({"event": "services_ready", "at": now})
    if ready_at is not None:
        yield json.dumps({"event": "ready", "at": ready_at})
        yield json.dumps({"event": "done", "at": now})
    elif was_running:
        yield json.dumps({"event": "not_ready", "at": now})
