"""What commands do with a soak: follow it, save what it leaves, print it, and exit with its code."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from memcap.cli.progress import caller, say
from memcap.cli.reports import Wanted, show_document
from memcap.errors import Interrupted

if TYPE_CHECKING:
    from memcap.soaking import SoakOutcome
    from memcap.workflows.metrics_endpoint import MetricsEndpoint
    from memcap.workflows.soak_twin import Twin


@dataclass(frozen=True, kw_only=True)
class SoakPrinter:
    """The reports that are wanted of a soak, the folder for its files (None: results/soaks/ID), and its twin.

    ``endpoint`` serves its figures while it is followed.
    """

    reports: tuple[Wanted, ...] = ()
    as_json: bool = False
    output: Path | None = None
    twin: Twin | None = None
    endpoint: MetricsEndpoint | None = None

    def follow(self, name: str | None, *, stops: bool) -> NoReturn:
        """Follow a soak to its end, report, and exit with its code; Ctrl-C ends the soak if ``stops``."""
        from memcap.cli.soak_view import SoakView
        from memcap.workflows.soak_follow import follow_soak

        _let_go_at_hangup()
        try:
            with self.endpoint or nullcontext(), SoakView() as view:

                def show(outcome: SoakOutcome) -> None:
                    view.show(outcome)
                    self._publish(outcome)

                outcome = follow_soak(name, caller(), show=show, keep=self._keep)
        except KeyboardInterrupt:
            if not stops:
                say(f"the soak goes on; to follow it: memcap soak attach {name or ''}".rstrip())
                raise
            say("ending the soak; what there is until now is judged")
            if self.twin is not None:
                self.twin.cancel()
            self._stop_or_leave(name)
        self._conclude(outcome)

    def _publish(self, outcome: SoakOutcome) -> None:
        from memcap.report.soak_metrics import newest_soak_metrics

        if self.endpoint is not None:
            self.endpoint.publish(newest_soak_metrics(outcome))

    def _stop_or_leave(self, name: str | None) -> NoReturn:
        """End a soak; another Ctrl-C while that takes its time leaves the containers."""
        try:
            self.stop(name)
        except KeyboardInterrupt:
            say(f"the soak's containers stay; for its report: memcap soak stop {name or ''}".rstrip())
            raise

    def stop(self, name: str | None) -> NoReturn:
        """End a soak, report, and exit with its code."""
        from memcap.workflows.soak_follow import stop_soak

        self._conclude(stop_soak(name, caller(), keep=self._keep))

    def show(self, outcome: SoakOutcome, *, where: str = "") -> None:
        """Print what is known of a soak, and write the reports that are wanted; ``where`` are its files, if any."""
        from memcap.report.soak import soak_document
        from memcap.report.soak_json import soak_json

        json: Callable[[], str] | None = (lambda: soak_json(outcome)) if self.as_json else None
        show_document(soak_document(outcome, where=where), self.reports, json=json)

    def _conclude(self, outcome: SoakOutcome) -> NoReturn:
        self.show(outcome, where=str(self._folder(outcome)))
        raise SystemExit(outcome.exit_code)

    def _folder(self, outcome: SoakOutcome) -> Path:
        from memcap.workflows.soak_saving import FOLDER

        return self.output or FOLDER / outcome.id

    def _keep(self, outcome: SoakOutcome) -> SoakOutcome:
        """Save ``outcome`` with what its twin has seen, and return it."""
        from memcap.workflows.soak_saving import save_soak

        if self.twin is not None:
            self.twin.join()
            if self.twin.error is None:
                outcome = replace(outcome, living=self.twin.lines)
            elif not isinstance(self.twin.error, Interrupted):
                say(f"the twin under memray failed: {self.twin.error}")
        save_soak(outcome, self._folder(outcome))
        return outcome


def endpoint_at(port: int | None) -> MetricsEndpoint | None:
    """Return what serves a soak's figures on ``port``; None is nothing. Raises UsageError if it cannot be had."""
    if port is None:
        return None
    from memcap.workflows.metrics_endpoint import MetricsEndpoint

    endpoint = MetricsEndpoint(port)
    say(f"metrics: {endpoint.address}")
    return endpoint


def _let_go_at_hangup() -> None:
    """End this client alone when the terminal is closed: without the clean-up that ends a soak."""
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _leave)


def _leave(*_: object) -> NoReturn:
    os._exit(128 + signal.SIGHUP)
