"""What is measured before a campaign, of the machine and of memcap itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from memcap.engine.base import Engine
from memcap.errors import EngineError, PlanError
from memcap.model import CampaignSettings, Layer, PageCost, RunSpec, limit_of
from memcap.probe.report import ReportError, parse_report
from memcap.run_spec import calibration_spec, pages_spec

_PAGE_LOOKS: Final = 3
_PAGE_NS: Final = re.compile(r"^page_ns (\d+)\nahead_ns (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a trial run showed: what the supervisor needs in bytes, the part that it cannot see, and the CPUs."""

    supervisor_bytes: int
    unseen_bytes: int
    cpus: tuple[int, ...]

    def applied_to(self, spec: RunSpec) -> RunSpec:
        """Return ``spec`` with its cap, and those of its services, raised by what the supervisor needs."""
        serving = spec.serving
        if serving is not None:
            raised = (replace(each, run=self.applied_to(each.run)) for each in serving.services)
            serving = replace(serving, services=tuple(raised))
        return replace(
            spec,
            supervisor_bytes=self.supervisor_bytes,
            supervisor_unseen_bytes=self.unseen_bytes,
            serving=serving,
        )


def calibrate(engine: Engine, layer: Layer, settings: CampaignSettings) -> Calibration:
    """Return what the supervisor itself needs, by which every cap is raised, and the CPUs there are.

    Raises PlanError where the trial run had no cap at all.
    """
    spec = calibration_spec(layer, settings)
    raw = engine.execute(spec)
    if raw.failure is not None:
        raw = engine.execute(spec)  # the daemon may have been away
    try:
        report = parse_report(raw.report or "")
    except ReportError as error:
        why = raw.daemon_error or raw.failure or error
        raise EngineError(
            f"a trial run in image {layer.image.reference!r} left no report: {why}",
            remedy="Run `memcap doctor`; try `docker run --rm --memory 128m` with that image.",
        ) from error
    if limit_of(report.cap_bytes) is None:
        raise PlanError(
            "the daemon does not limit memory: a trial container with a cap ran without one; nothing was measured",
            remedy="A rootless daemon can limit memory only on cgroup v2 with systemd and delegated controllers "
            "(https://rootlesscontaine.rs/getting-started/common/cgroup2/); otherwise use a daemon that runs as "
            "root. `memcap doctor` says what the daemon tells of itself.",
        )
    unseen = report.supervisor_unseen_bytes or 0
    return Calibration(supervisor_bytes=(report.supervisor_bytes or 0) + unseen, unseen_bytes=unseen, cpus=report.cpus)


def measure_page_cost(engine: Engine, layer: Layer, settings: CampaignSettings) -> PageCost | None:
    """Return what reading a page from the container's disk costs; None where it cannot be measured.

    The fastest of three: whatever else the machine does only makes it longer.
    """
    found = []
    for number in range(_PAGE_LOOKS):
        raw = engine.execute(pages_spec(layer, settings, attempt=str(number)))
        told = _PAGE_NS.search(raw.output)
        found += [(int(told[1]) / 1e9, int(told[2]) / 1e9)] if told else []
    if not found:
        return None
    return PageCost(alone_seconds=min(alone for alone, _ in found), ahead_seconds=min(ahead for _, ahead in found))
