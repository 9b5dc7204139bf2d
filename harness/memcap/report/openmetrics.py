"""Metrics as text: OpenMetrics 1.0 with times, and the older format of Prometheus without.

Sources: https://prometheus.io/docs/specs/om/open_metrics_spec/ and
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from memcap.report.metric_family import MetricKind, MetricPoints, MetricSample, without_times
from memcap.report.result_metrics import result_metrics
from memcap.report.view import View
from memcap.untrusted import printable

OPENMETRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_END: Final = "# EOF\n"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render_openmetrics(view: View) -> str:
    """Return the figures of a result in OpenMetrics' text, at the time when the campaign began."""
    return openmetrics_text(result_metrics(view))


def render_prometheus(view: View) -> str:
    """Return the figures of a result in the text format of Prometheus, without times."""
    return prometheus_text(result_metrics(view))


def openmetrics_text(points: Iterable[MetricPoints]) -> str:
    """Return ``points`` as a document of OpenMetrics."""
    lines = [line for each in points for line in (*_openmetrics_head(each), *_samples(each))]
    return "".join(f"{line}\n" for line in lines) + _END


def prometheus_text(points: Iterable[MetricPoints]) -> str:
    """Return the newest of ``points`` in the text format of Prometheus, which knows fewer types and no units.

    Without times, since node_exporter's textfile collector and the Pushgateway refuse them.
    """
    lines = [line for each in without_times(points) for line in (*_prometheus_head(each), *_samples(each))]
    return "".join(f"{line}\n" for line in lines)


def _openmetrics_head(points: MetricPoints) -> Iterator[str]:
    family = points.family
    yield f"# TYPE {family.name} {family.kind.value}"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {family.help}"


def _prometheus_head(points: MetricPoints) -> Iterator[str]:
    family = points.family
    kind = MetricKind.COUNTER if family.kind is MetricKind.COUNTER else MetricKind.GAUGE
    yield f"# HELP {family.sample_name} {family.help}"
    yield f"# TYPE {family.sample_name} {kind.value}"


def _samples(points: MetricPoints) -> Iterator[str]:
    name = points.family.sample_name
    for each in points.samples:
        yield f"{name}{_labels(each)} {_number(each.value)}{_time(each)}"


def _labels(sample: MetricSample) -> str:
    pairs = ",".join(f'{name}="{label_value(value)}"' for name, value in sample.labels.items())
    return f"{{{pairs}}}" if pairs else ""


def label_value(text: str) -> str:
    """Return ``text`` as it stands between the quotes of a label; a terminal obeys nothing in it."""
    return printable(text).translate(_ESCAPES)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _time(sample: MetricSample) -> str:
    return "" if sample.seconds is None else f" {_number(round(sample.seconds, 3))}"
