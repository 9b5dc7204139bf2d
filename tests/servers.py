"""Servers, and runs of them: what the tests of the stages between `suite.toml` and a measurement start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from factories import MIB, make_layer, make_plan_cell, make_settings
from memcap.model import (
    CLIENT_LAYER,
    HttpReady,
    Layer,
    LoadRequest,
    LoadSpec,
    Readiness,
    RunSpec,
    ServerWorkload,
    Service,
    TcpReady,
)
from memcap.run_spec import run_spec
from memcap.serving_spec import BodyFiles, serving_spec

DATABASE = Service(
    name="db",
    image="postgres:15",
    cap_bytes=256 * MIB,
    ready=Readiness(check=TcpReady(host="localhost", port=5432), time_limit_seconds=20),
)
LOAD = LoadSpec(requests=(LoadRequest(method="GET", path="/"),), rate=10, seconds=2, timeout_seconds=5)
CACHE = Service(name="cache", package="redis-server", argv=("redis-server",))


def make_server(**changes: Any) -> ServerWorkload:
    """Return a server that gets 20 requests in 2 s, without services."""
    whole = ServerWorkload(
        argv=("serve",),
        ready=Readiness(check=HttpReady(url="http://localhost:8000/health"), time_limit_seconds=30),
        load=LOAD,
        warm_up_seconds=1,
        idle_seconds=3,
        grace_seconds=4,
    )
    return replace(whole, **changes)


def make_layers(*services: Service) -> dict[tuple[str, str], Layer]:
    """Return the layers of the load client and of ``services``, whose images have a command."""
    layers = {CLIENT_LAYER: make_layer("client", "")}
    return layers | {each.layer_name: make_layer(each.image_name, "", command=("start",)) for each in services}


def make_server_spec(workload: ServerWorkload | None = None) -> RunSpec:
    """Return the run of a server (`make_server`, unless told) with the client and services it needs."""
    server = workload or make_server()
    layer = make_layer()
    spec = run_spec(make_plan_cell(workload=server), layer, make_settings(), attempt="1")
    return serving_spec(spec, server, layer, make_layers(*server.services), files=BodyFiles())
