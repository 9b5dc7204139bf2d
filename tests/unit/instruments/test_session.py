"""A session runs a server as campaigns do, and what reads its record as the program that it is."""

from __future__ import annotations

from pathlib import Path

from servers import CACHE, make_layers, make_server

from factories import MIB, make_layer, make_plan_cell, make_settings
from memcap.engine.fake import FakeEngine
from memcap.instruments.launching import Instrument
from memcap.instruments.session import SITES_FILE, Session
from memcap.model import RawRun, RunSpec


class Noting(FakeEngine):
    """Keeps the specs of the runs, and leaves what a renderer leaves."""

    def __init__(self) -> None:
        super().__init__({"*": 20 * MIB})
        self.specs: list[RunSpec] = []

    def execute(self, spec: RunSpec) -> RawRun:
        self.specs.append(spec)
        if spec.artefacts is not None:
            (spec.artefacts / SITES_FILE).write_text("[]", encoding="utf-8")
        return super().execute(spec)


def test_a_server_has_its_services_with_and_without_an_instrument(tmp_path: Path) -> None:
    engine, server = Noting(), make_server(services=(CACHE,))
    cell, layers = make_plan_cell(workload=server), make_layers(CACHE)
    session = Session(engine, cell, make_layer(), make_settings(), layers=layers)
    session.plain()
    session.recorded(Instrument(), make_layer(), artefacts=tmp_path, raised_bytes=MIB)
    session.render(make_layer(), artefacts=tmp_path)

    plain, recorded, rendered = engine.specs[-3:]
    for spec in (plain, recorded):
        assert spec.serving is not None
        assert [each.service for each in spec.serving.services] == [CACHE]
        assert spec.stop_signal == 15
    assert recorded.cap_bytes == plain.cap_bytes + MIB
    assert (rendered.serving, rendered.stop_signal, rendered.grace_seconds) == (None, 0, 0)
