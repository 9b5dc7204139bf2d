"""The script for the load client that leads a server through its phases, `probe/memcap_load/leading.py`. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from memcap.load.orders import make_orders
from memcap.model import CommandReady, HttpReady, LoadRequest, LoadSpec, LoadTarget, Readiness, Serving, TcpReady
from memcap.probe.memcap_load import FORMAT

SERVER_FILE: Final = "ready"  # what the host puts into the client's folder when the server is ready by a command
COLLECT_FILE: Final = "collected"  # … when the signal to collect was sent
_COLLECT_SECONDS: Final = 60.0


def load_file(number: int) -> str:
    """Return the name of the file that the host puts there when the load of that number has ended."""
    return f"load-{number}"


def service_file(name: str) -> str:
    """Return the name of the file that the host puts there when a service is ready by a command."""
    return f"service-{name}"


def make_script(serving: Serving, *, progress_seconds: float | None = None) -> dict[str, Any]:
    """Return what the client has to do in a run of a server, to be written as JSON.

    With ``progress_seconds`` it tells so often how far the load is.
    """
    workload = serving.workload
    load = workload.load if isinstance(workload.load, LoadSpec) else None
    target = workload.ready.check.target or LoadTarget()
    levels = [
        {
            "orders": None if load is None else _orders(serving, load.at_level(level), target),
            "file": load_file(number),
        }
        for number, level in enumerate(workload.levels)
    ]
    collect = workload.collect
    return {
        "format": FORMAT,
        "services": [
            {"name": each.service.name, "check": _check(each.service.ready, service_file(each.service.name))}
            for each in serving.services
            if each.service.ready is not None
        ],
        "ready": _check(workload.ready, SERVER_FILE),
        "warm_up_seconds": workload.warm_up_seconds,
        "warm_up_orders": None if load is None else _warm_up(serving, load, target),
        "levels": levels,
        "progress_seconds": progress_seconds,
        "idle_seconds": workload.idle_seconds,
        "collects": collect is not None,
        "collect": _collect_orders(serving, collect, target) if isinstance(collect, LoadRequest) else None,
        "collect_file": COLLECT_FILE,
    }


def _check(ready: Readiness, file: str) -> dict[str, Any]:
    check = ready.check
    found: dict[str, Any] = {
        "file": file if isinstance(check, CommandReady) else None,
        "time_limit_seconds": ready.time_limit_seconds,
        "interval_seconds": ready.interval_seconds,
        "path": None,
        "statuses": [],
    }
    if isinstance(check, TcpReady):
        found |= {"host": check.host, "port": check.port}
    elif isinstance(check, HttpReady):
        target = check.target
        found |= {"host": target.host, "port": target.port, "path": check.path, "statuses": list(check.statuses)}
    return found


def _orders(serving: Serving, load: LoadSpec, target: LoadTarget) -> dict[str, Any]:
    return make_orders(load, target, seed=serving.seed, bodies=serving.bodies)


def _warm_up(serving: Serving, load: LoadSpec, target: LoadTarget) -> dict[str, Any] | None:
    """Return the orders of the warm-up; None where it has no time for a request."""
    first = replace(load.at_level(load.levels[0]), seconds=serving.workload.warm_up_seconds / 2, keep_alive=False)
    return _orders(serving, first, target) if first.count >= 1 else None


def _collect_orders(serving: Serving, request: LoadRequest, target: LoadTarget) -> dict[str, Any]:
    """Return orders to send one request."""
    once = LoadSpec(
        requests=(request,), rate=1.0, seconds=1.0, concurrency=1, keep_alive=False, timeout_seconds=_COLLECT_SECONDS
    )
    return _orders(serving, once, target)
