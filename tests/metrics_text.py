"""Metrics as the parsers of prometheus_client read them; they raise ValueError for what breaks the formats' rules."""

from __future__ import annotations

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus


def read_openmetrics(text: str) -> list[Metric]:
    """Return the families of a document of OpenMetrics."""
    return list(parse_openmetrics(text))  # type: ignore[no-untyped-call]  # it has no types


def read_prometheus(text: str) -> list[Metric]:
    """Return the families of a text of Prometheus."""
    return list(parse_prometheus(text))
