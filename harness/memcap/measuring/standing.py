"""Caveats that are known before the first run."""

from __future__ import annotations

from memcap.model import PROCESS_ENGINE, Caveat, CaveatKind, Environment, Layer


def standing_caveats(layer: Layer, environment: Environment) -> tuple[Caveat, ...]:
    """Return the caveats that hold for every run in this layer on this machine."""
    caveats = []
    if layer.image.mutable:
        detail = f"{layer.image.reference} may name another image tomorrow"
        caveats.append(Caveat(kind=CaveatKind.MUTABLE_TAG, detail=detail))
    if layer.image.architecture != environment.architecture:
        detail = f"{layer.image.architecture} image on {environment.architecture}"
        caveats.append(Caveat(kind=CaveatKind.EMULATED, detail=detail))
    if environment.engine == PROCESS_ENGINE:
        by = "a cgroup of its own" if environment.cgroup_version else "RLIMIT_DATA and memcap's watchdog"
        detail = f"measured as a plain process of this machine, capped by {by}"
        caveats.append(Caveat(kind=CaveatKind.NO_CONTAINER, detail=detail))
    return tuple(caveats)
