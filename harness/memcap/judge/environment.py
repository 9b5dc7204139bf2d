"""What must be alike for two figures to be compared, and what is only told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memcap.model import Baseline, Caveat, CaveatKind, CellResult, Fingerprint


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


def unlike(baseline: Baseline, here: Fingerprint, cell: CellResult) -> Unlike:
    """Name what differs. Figures of another build of the image are still compared, since images are rebuilt often."""
    there = baseline.fingerprint
    image = here.image
    blocking = (
        ("isolation", here.isolation, there.isolation),
        ("architecture", here.architecture, there.architecture),
        ("cgroup version", here.cgroup_version, there.cgroup_version),
        (f"Python of {image}", _python(here), _python(there)),
        ("cap in bytes", cell.cell.cap.bytes, baseline.cap_bytes),
    )
    told = (
        (f"Python build of {image}", here.python_build, there.python_build),
        (f"origin of {image}", here.image_origin, there.image_origin),
        (f"digest of {image}", here.image_digest, there.image_digest),
        (f"C library of {image}", here.libc, there.libc),
    )
    return Unlike(blocking=_differences(blocking), told=_differences(told))


def _differences(facts: Iterable[tuple[str, object, object]]) -> tuple[str, ...]:
    return tuple(
        f"{name} is {_known(here)}, the baseline has {_known(there)}" for name, here, there in facts if here != there
    )


def _known(fact: object) -> str:
    return "unknown" if fact is None else str(fact)


def _python(fingerprint: Fingerprint) -> str | None:
    if fingerprint.python_version is None:
        return None
    return f"{fingerprint.python_implementation} {fingerprint.python_version}"
