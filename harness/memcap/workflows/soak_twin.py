"""A twin of a soak under memray, which sees compiled code: the same image and load, in another container."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from memcap.engine.base import Engine
from memcap.errors import FileFormatError, Interrupted, MemcapError
from memcap.instruments.launching import Instrument, instrumented, rendering
from memcap.model import AllocationSite, ProfileTool, RunSpec
from memcap.probe.fields import read_items
from memcap.probe.soak_work import read_site
from memcap.redaction import Redaction
from memcap.serving_spec import alone
from memcap.strict import MOST_CONFIG_BYTES, parse_json, read_text
from memcap.workflows.caller import Caller
from memcap.workflows.ready import Ready, made_ready
from memcap.workflows.request import new_campaign, with_variables
from memcap.workflows.soak import lasting, soak_run
from memcap.workflows.soak_options import SoakOptions
from memcap.workflows.subject import find_subject

LONGEST_SECONDS: Final = 600.0  # memray's record grows with each allocation
ROOM_BYTES: Final = 512 * 1024**2  # for memray itself, beyond as much again as the workload may have
RENDER_SECONDS: Final = 1800.0


class Twin:
    """A run beside a soak, in a thread of its own; what memray wrote is in ``folder`` then.

    It takes as long as the soak, LONGEST_SECONDS at most. ``lines`` are what lived at its end, the largest first;
    ``error`` is why there are none.
    """

    def __init__(self, options: SoakOptions, folder: Path, caller: Caller) -> None:
        self._options = options
        self._folder = folder
        self._caller = caller
        self._engine: Engine | None = None
        self._thread = threading.Thread(target=self._run, name="memcap-twin", daemon=True)
        self.lines: tuple[AllocationSite, ...] = ()
        self.error: MemcapError | None = None

    def start(self) -> None:
        """Begin; the caller has to ``join`` or ``cancel``."""
        self._thread.start()

    def cancel(self) -> None:
        """Stop, and wait until the container is removed."""
        if self._engine is not None:
            self._engine.cancel()
        self._thread.join()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._record()
            self.lines = read_leaks(self._folder)
        except (MemcapError, Interrupted) as error:
            self.error = error

    def _record(self) -> None:
        asked = self._options.rules()
        seconds = min(asked.duration_seconds, LONGEST_SECONDS)
        rules = replace(
            asked, duration_seconds=seconds, max_rss_bytes=None, frames=0, collects=False, explain_seconds=0.0
        )
        subject = lasting(find_subject(self._options), rules)
        request = with_variables(subject.request("twin", new_campaign("twin")))
        with made_ready(request, self._caller.tell) as ready:
            self._engine = ready.engine
            spec = soak_run(request, ready, rules, self._caller)
            self._folder.mkdir(parents=True, exist_ok=True)
            _execute(ready, spec, self._folder, self._caller)


def _execute(ready: Ready, spec: RunSpec, folder: Path, caller: Caller) -> None:
    """Run ``spec`` under memray, and have its reports made."""
    layer = ready.instrumented(ProfileTool.MEMRAY, tell=caller.tell)
    recorded = replace(spec, look_seconds=0.0)
    raised = spec.cap_bytes + ROOM_BYTES
    ready.engine.execute(instrumented(recorded, Instrument(native=True), layer, artefacts=folder, raised_bytes=raised))
    reading = replace(alone(recorded), time_limit_seconds=RENDER_SECONDS)
    ready.engine.execute(rendering(reading, layer, artefacts=folder, name=f"{spec.name}-render", with_reports=True))
    Redaction(spec.secrets).files(folder)


def read_leaks(folder: Path) -> tuple[AllocationSite, ...]:
    """Return the lines of all processes that memray's reports in ``folder`` name, the largest first.

    Raises FileFormatError for a file that cannot be read, and where there is none.
    """
    files = sorted(folder.glob("*-leaks.json"))
    if not files:
        raise FileFormatError(
            f"memray left no record of the twin in {folder}",
            remedy="Try `memcap profile` with the same image and command, which says why.",
        )
    found = [site for file in files for site in _sites(file)]
    return tuple(sorted(found, key=lambda site: -site.bytes))


def _sites(file: Path) -> list[AllocationSite]:
    rows: Any = parse_json(file, read_text(file, most_bytes=MOST_CONFIG_BYTES))
    try:
        return [read_site(row) for row in read_items(rows)]
    except TypeError as error:
        raise FileFormatError(f"{file}: {error}") from error
