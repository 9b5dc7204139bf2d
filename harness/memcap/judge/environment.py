"""What must be alike for two figures to be compared, and what is only told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memcap.model import UNCAPPED, Baseline, Caveat, CaveatKind, CellResult, Fingerprint, Rules, limit_of

_Fact = tuple[str, object, object]


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """How the environment of a baseline differs: in what forbids comparing figures, and in what is only told."""

    blocking: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """Return a caveat for each difference."""
        return tuple(
            Caveat(kind=CaveatKind.UNLIKE_ENVIRONMENT, detail=detail) for detail in (*self.blocking, *self.told)
        )


def unlike(baseline: Baseline, here: Fingerprint, cell: CellResult, rules: Rules) -> Unlike:
    """Name what differs.

    Figures of another build of the image are compared, since images are rebuilt often, unless ``rules`` say otherwise.
    """
    there = baseline.fingerprint
    image = here.image
    digest = (f"digest of {image}", here.image_digest, there.image_digest)
    blocking = (
        ("isolation", here.isolation, there.isolation),
        ("architecture", here.architecture, there.architecture),
        *_known_to_both("page size", here.page_size_bytes, there.page_size_bytes),
        ("cgroup version", here.cgroup_version, there.cgroup_version),
        (f"Python of {image}", _python(here), _python(there)),
        ("cap in bytes", cell.cell.cap.limit_bytes or UNCAPPED, limit_of(baseline.cap_bytes) or UNCAPPED),
        ("definition of the metrics", here.metrics_version, there.metrics_version),
        *((digest,) if rules.same_image else ()),
    )
    told = (
        (f"Python build of {image}", here.python_build, there.python_build),
        (f"origin of {image}", here.image_origin, there.image_origin),
        *(() if rules.same_image else (digest,)),
        (f"C library of {image}", here.libc, there.libc),
    )
    return Unlike(blocking=_differences(blocking), told=_differences(told))


def _known_to_both(name: str, here: object, there: object) -> tuple[_Fact, ...]:
    """Return the fact for comparing, but not where it is unknown: older files do not have it."""
    return () if here is None or there is None else ((name, here, there),)


def _differences(facts: Iterable[_Fact]) -> tuple[str, ...]:
    return tuple(
        f"{name} is {_known(here)}, the baseline has {_known(there)}" for name, here, there in facts if here != there
    )


def _known(fact: object) -> str:
    return "unknown" if fact is None else str(fact)


def _python(fingerprint: Fingerprint) -> str | None:
    if fingerprint.python_version is None:
        return None
    return f"{fingerprint.python_implementation} {fingerprint.python_version}"
