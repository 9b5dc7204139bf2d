"""What was measured of a test, carried in its report's user properties: so it passes from a child, and from xdist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

_PREFIX = "memcap_"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run of a test needed, in bytes. ``own_peak`` is the kernel's peak of the process without children.

    ``limit`` is the hard limit of the process, ``is_alone`` says that no other test ran in it, ``ended`` how memcap or
    the kernel ended it (an Ending's value), if one did.
    """

    metric: str
    is_alone: bool
    start: int | None = None
    peak: int | None = None
    end: int | None = None
    own_peak: int | None = None
    limit: int | None = None
    ended: str | None = None


_FIELDS = tuple(Figures.__dataclass_fields__)


def keep(properties: list[tuple[str, object]], figures: Figures) -> None:
    """Put ``figures`` into the user properties of a test or report, in place of those of an earlier try."""
    properties[:] = [pair for pair in properties if not pair[0].startswith(_PREFIX)]
    found = {name: getattr(figures, name) for name in _FIELDS}
    properties += [(f"{_PREFIX}{name}", value) for name, value in found.items() if value is not None]


def figures_of(properties: Iterable[tuple[str, object]]) -> Figures | None:
    """Return the figures among user properties, if there are any."""
    found = {name.removeprefix(_PREFIX): value for name, value in properties if name.startswith(_PREFIX)}
    if "metric" not in found:
        return None
    return Figures(
        metric=str(found["metric"]),
        is_alone=bool(found.get("is_alone")),
        start=_whole(found.get("start")),
        peak=_whole(found.get("peak")),
        end=_whole(found.get("end")),
        own_peak=_whole(found.get("own_peak")),
        limit=_whole(found.get("limit")),
        ended=str(found["ended"]) if "ended" in found else None,
    )


def figures_of_report(report: pytest.TestReport) -> Figures | None:
    """Return the figures that a report carries, if it has any."""
    return figures_of(report.user_properties)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
