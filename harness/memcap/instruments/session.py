"""Runs of one cell on one engine: without an instrument, with it, and the one that reads what was noted."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from memcap.calibration import calibrate
from memcap.engine.base import Engine
from memcap.errors import BuildError, EngineError
from memcap.instruments.launching import Instrument, instrumented, rendering
from memcap.measuring import measure
from memcap.measuring.standing import standing_caveats
from memcap.model import CampaignSettings, Cell, Ending, Layer, Measurement, RawRun, RunSpec, ServerWorkload
from memcap.redaction import Redaction
from memcap.run_spec import run_spec
from memcap.serving_spec import alone, serving_spec

SITES_FILE: Final = "sites.json"
READ_MARK: Final = "memcap: read "  # what the renderer prints, before the percentage
_IDLE_CODE: Final = "import time; time.sleep(0.2)"  # long enough to be sampled
_IDLE_CAP_BYTES: Final = 512 * 1024 * 1024
_MIB: Final = 1024 * 1024
_SHOWN_CHARACTERS: Final = 2000

Layers = Mapping[tuple[str, str], Layer]


@dataclass(frozen=True, kw_only=True)
class Idle:
    """What the container of an interpreter that does nothing needs: without an instrument, and with it."""

    without_bytes: int
    with_bytes: int

    @property
    def raise_bytes(self) -> int:
        """Return what the instrument needs, rounded up to a MiB."""
        return -(-max(self.with_bytes - self.without_bytes, 0) // _MIB) * _MIB


class Session:
    """Execute runs of ``cell`` in ``layer``, or in one with an instrument on top of it.

    ``say`` gets what is being done; ``cap_bytes`` None is the cell's cap. ``layers`` has those of a server's services
    and of its load client. All methods raise EngineError, Interrupted.
    """

    def __init__(
        self,
        engine: Engine,
        cell: Cell,
        layer: Layer,
        settings: CampaignSettings,
        *,
        say: Callable[[str], None] = lambda _: None,
        layers: Layers = MappingProxyType({}),
    ) -> None:
        self._engine = engine
        self._environment = engine.environment()
        self.cell = cell
        self._layer = layer
        self._settings = settings
        self._layers = layers
        self.say = say
        self._numbers = itertools.count(1)
        self._calibration = calibrate(engine, layer, settings)

    def running(self, cell: Cell) -> Session:
        """Return the same for a variant of the cell, which needs the same layer."""
        other = copy.copy(self)
        other.cell = cell
        return other

    def plain(self, *, cap_bytes: int | None = None) -> Measurement:
        """Run the cell as it is."""
        return self._measured(self._spec(cap_bytes))

    def recorded(
        self, instrument: Instrument, layer: Layer, *, artefacts: Path, raised_bytes: int, cap_bytes: int | None = None
    ) -> Measurement:
        """Run the cell with the instrument that ``layer`` has; what it noted is in ``artefacts`` then."""
        spec = self._spec(cap_bytes)
        run = self._measured(instrumented(spec, instrument, layer, artefacts=artefacts, raised_bytes=raised_bytes))
        Redaction(spec.secrets).files(artefacts)
        return run

    def idle_footprint(self, instrument: Instrument, layer: Layer, *, artefacts: Path) -> Idle:
        """Return what an interpreter that does nothing needs, without the instrument and with it.

        ``artefacts`` is an empty folder for what it notes of that. Raises BuildError where the instrument does not work
        in the image, EngineError where it cannot be measured.
        """
        python = layer.image.python
        assert python is not None
        spec = replace(
            alone(self._spec(_IDLE_CAP_BYTES)),
            argv=(python.executable, "-c", _IDLE_CODE),
            entrypoint=(),
            projections={},
            metrics=None,
            cold=False,
        )
        without = self._measured(spec)
        spec = replace(spec, name=f"{spec.name}-idle")
        with_it = self._measured(instrumented(spec, instrument, layer, artefacts=artefacts, raised_bytes=0))
        before, after = without.unreclaimable_peak_bytes, with_it.unreclaimable_peak_bytes
        failed = next((run for run in (without, with_it) if run.ending is not Ending.COMPLETED), None)
        if failed is not None or before is None or after is None:
            shown = f"{failed.ending.explanation}\n{failed.output_tail}" if failed else "there are no figures"
            raise EngineError(
                f"what {instrument.tool.value} needs in {layer.image.name} could not be measured: {shown}",
                remedy="Try `memcap measure` with the image; for memray also --tracemalloc.",
            )
        refused = next((text for text in _introductions(artefacts) if "error" in text), None)
        if refused is not None:
            raise BuildError(
                f"{instrument.tool.value} cannot be used in image {layer.image.name}: {refused['error']}",
                remedy="Use --tracemalloc, or add to the image what is missing.",
            )
        return Idle(without_bytes=before, with_bytes=after)

    def render(self, layer: Layer, *, artefacts: Path, with_reports: bool = True) -> None:
        """Make ``sites.json`` and reports of what was noted, beside it in ``artefacts``."""
        recorded = self._spec(None)
        spec = rendering(
            alone(recorded), layer, artefacts=artefacts, name=self._name("render"), with_reports=with_reports
        )
        raw = self._engine.execute(replace(spec, hear=self._hear_reading))
        Redaction(recorded.secrets).files(artefacts)
        if not (artefacts / SITES_FILE).is_file():
            raise EngineError(
                f"what was noted could not be read in image {layer.image.name}: {_last_words(raw)}",
                remedy=f"The record is in {artefacts}; read it with the tool itself (`memray flamegraph FILE`).",
            )

    def _hear_reading(self, line: str) -> None:
        before, found, percent = line.partition(READ_MARK)
        if found and not before and percent.isdigit():
            self.say(f"reading what was noted: {percent} %")

    def _spec(self, cap_bytes: int | None) -> RunSpec:
        workload = self.cell.benchmark.workload
        spec = run_spec(self.cell, self._layer, self._settings, attempt=str(next(self._numbers)))
        if isinstance(workload, ServerWorkload):
            spec = serving_spec(spec, workload, self._layer, self._layers)
        spec = self._calibration.applied_to(spec)
        return spec if cap_bytes is None else replace(spec, cap_bytes=cap_bytes)

    def _name(self, what: str) -> str:
        return f"memcap-{self._settings.id}-{what}-{next(self._numbers)}"

    def _measured(self, spec: RunSpec) -> Measurement:
        raw = self._engine.execute(spec)
        standing = standing_caveats(self._layer, self._environment)
        return measure(raw, spec, cpus=self._environment.cpus, standing=standing)


def _introductions(artefacts: Path) -> list[dict[str, object]]:
    """Return what each process said of itself as the instrument began."""
    return [ast.literal_eval(path.read_text(encoding="utf-8")) for path in sorted(artefacts.glob("process-*.txt"))]


def _last_words(raw: RawRun) -> str:
    return raw.daemon_error or (raw.error_output or raw.output)[-_SHOWN_CHARACTERS:].strip() or "it left nothing"
