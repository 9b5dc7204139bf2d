"""The note of a soak, with all that one can have."""

from __future__ import annotations

from dataclasses import replace

from servers import DATABASE, make_server, make_server_spec

from factories import make_environment
from memcap.load import parse_load
from memcap.model import ContainerPolicy, Secret, SoakKind, SoakNote, SoakRules, noted

HIDDEN = "hunter2-hunter2"


def make_note(kind: SoakKind = SoakKind.SERVER) -> SoakNote:
    load = parse_load(f"GET / header='Authorization: {HIDDEN}' rate=5 for 10s")
    spec = make_server_spec(replace(make_server(services=(DATABASE,)), load=load))
    policy = ContainerPolicy(env={"TOKEN": Secret(value=HIDDEN, digest="sha256:1"), "MODE": "fast"})
    spec = replace(spec, policy=policy, env={"TOKEN": HIDDEN, "MODE": "fast"}, secrets=(HIDDEN,), metrics=("rows",))
    bare, names = noted(spec if kind is SoakKind.SERVER else replace(spec, serving=None))
    return SoakNote(
        id="20261130-120000-soak-abcd",
        name="uvicorn app:app",
        image="my/api:2.0",
        started="2026-11-30T12:00:00+00:00",
        kind=kind,
        rules=SoakRules(duration_seconds=3600, max_rss_bytes=10**9, rate=24),
        spec=bare,
        secret_variables=names,
        environment=make_environment(),
    )
