"""The dashboard for Grafana: it asks for what memcap exposes, and Grafana's own types lose nothing of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memcap.report.metric_table import ALL_METRICS

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "memcap.json"
SAMPLE_NAMES = {family.sample_name for family in ALL_METRICS}
# Words of PromQL in the dashboard that are no metrics; labels stand in brackets or braces, which are taken out.
PROMQL = {"by", "count", "max", "on", "quantile", "rate", "sum"}


def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def expressions() -> list[str]:
    """Return what the panels ask Prometheus for."""
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]


def metrics_in(expression: str) -> set[str]:
    """Return the names of metrics in an expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|(?:by|on) \([^)]*\)", "", expression)
    return set(re.findall(r"[a-z_][a-z0-9_]*", bare)) - PROMQL


def test_names_are_found_in_an_expression() -> None:
    assert metrics_in('max by (cell) (a_bytes{cell=~"$cell"}) / on (cell) rate(b_total[5m]) * 3600') == {
        "a_bytes",
        "b_total",
    }


@pytest.mark.parametrize("expression", expressions())
def test_each_metric_of_a_panel_is_one_that_memcap_exposes(expression: str) -> None:
    found = metrics_in(expression)

    assert found
    assert found <= SAMPLE_NAMES


def test_each_variable_asks_for_what_memcap_exposes() -> None:
    queries = [each["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query"]
    asked = [re.fullmatch(r"label_values\((\w+), (\w+)\)", query) for query in queries]

    assert all(asked)
    assert {each[1] for each in asked if each} <= SAMPLE_NAMES
    assert {each[2] for each in asked if each} == {"cell", "soak"}


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_no_data_source_of_one_machine_is_named() -> None:
    sources = {
        each["datasource"]["uid"]
        for panel in dashboard()["panels"]
        for each in (panel, *panel.get("targets", ()))
        if "datasource" in each
    }
    assert sources == {"${datasource}"}


def test_grafanas_own_types_lose_nothing() -> None:
    """Grafana's Foundation SDK is generated from Grafana's schemas; a key or value that it does not know gets lost."""
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard")  # for Python 3.11 and newer
    plugins = pytest.importorskip("grafana_foundation_sdk.cog.plugins")
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder")
    plugins.register_default_plugins()
    read = models.Dashboard.from_json(dashboard())
    back = json.loads(encoder.JSONEncoder(sort_keys=True).encode(read))

    assert list(lost(dashboard(), back, "")) == []


def lost(before: Any, after: Any, where: str) -> Iterator[str]:
    """Yield the places of what is in ``before`` and not the same in ``after``, which may have more."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from lost(value, after[key], f"{where}.{key}") if key in after else (f"{where}.{key}",)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (value, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(value, other, f"{where}[{index}]")
    elif before != after:
        yield where
