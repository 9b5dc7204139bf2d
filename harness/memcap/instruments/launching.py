"""Say how a run is launched with an instrument in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from memcap.model import Layer, ProfileTool, RunSpec, SoakRules
from memcap.model.places import ARTEFACTS, INSTRUMENTS, OUT, START

RENDERER: Final = str(INSTRUMENTS / "memcap_render.py")
NO_CAP_WORTH_MENTIONING: Final = 2 * 1024**3  # for what reads a record, which is not what is measured


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """What is to be noted, and how.

    ``native``: compiled code's frames too (memray). ``follows_fork``: children too. ``frames``: how deep tracemalloc
    looks. ``watches``: where all threads are when memory reaches new heights. ``aggregates``: memray records totals by
    stack, written as the process ends, and not each allocation as it happens.
    """

    tool: ProfileTool = ProfileTool.MEMRAY
    native: bool = False
    follows_fork: bool = False
    frames: int = 16
    watches: bool = False
    aggregates: bool = False

    @property
    def words(self) -> str:
        """Return it as the instrument in the container reads it."""
        found = [self.tool.value]
        found += ["native"] if self.native else []
        found += ["follow"] if self.follows_fork else []
        found += ["watch"] if self.watches else []
        found += ["aggregate"] if self.aggregates else []
        found += [f"frames={self.frames}"] if self.tool is ProfileTool.TRACEMALLOC else []
        return " ".join(found)


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """An instrument and the layer that has it; ``with_reports``: memray's own are written beside its record."""

    instrument: Instrument
    layer: Layer
    with_reports: bool = True


def instrumented(spec: RunSpec, instrument: Instrument, layer: Layer, *, artefacts: Path, raised_bytes: int) -> RunSpec:
    """Return ``spec`` with the instrument: in ``layer``, which has it, with the cap raised by what it needs.

    What it notes comes back to ``artefacts``, also after a kill.
    """
    env = _environment(spec, instrument.words, ARTEFACTS)
    return replace(spec, image_id=layer.id, env=env, cap_bytes=spec.cap_bytes + raised_bytes, artefacts=artefacts)


def with_looks(spec: RunSpec, rules: SoakRules, *, judged_seconds: float) -> RunSpec:
    """Return ``spec`` with looks into each Python that it starts, as the runner has them; see probe/memcap_soak.py.

    The layer of ``spec`` must be one of ``build_instrumented``. What is seen is in the workload's journal. What grows
    is looked for after ``judged_seconds``.
    """
    words = f"looks step={rules.step_seconds} frames={rules.frames} duration={judged_seconds}"
    words += f" explain={rules.explain_seconds}" if rules.explain_seconds else ""
    return replace(spec, env=_environment(spec, f"{words} collect" if rules.collects else words, OUT))


def _environment(spec: RunSpec, words: str, folder: PurePosixPath) -> dict[str, str]:
    """Return the environment of ``spec`` with what starts the instrument, which writes to ``folder``."""
    env = {**spec.env, "MEMCAP_INSTRUMENT": words, "MEMCAP_ARTEFACTS": str(folder)}
    if "PYTHONPATH" in env:  # it takes the place of the image's, which has it
        env["PYTHONPATH"] = f"{START}:{env['PYTHONPATH']}"
    return env


def rendering(spec: RunSpec, layer: Layer, *, artefacts: Path, name: str, with_reports: bool) -> RunSpec:
    """Return the run that turns ``artefacts`` into sites and reports, in the image of ``spec``; ``name`` is unique."""
    python = layer.image.python
    assert python is not None  # else the layer had not been built
    return replace(
        spec,
        name=name,
        image_id=layer.id,
        argv=(python.executable, RENDERER, str(ARTEFACTS), *(() if with_reports else ("no-reports",))),
        env={},
        cap_bytes=NO_CAP_WORTH_MENTIONING,
        policy=replace(spec.policy, read_only=False),  # else nothing could be put there
        cold=False,
        artefacts=artefacts,
    )
