"""The table of formats; a renderer is imported when it is asked for, since some bring heavy packages."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Final

from memcap.errors import UsageError
from memcap.report.document import Document
from memcap.report.text import missing
from memcap.report.view import View


@dataclass(frozen=True, kw_only=True)
class Format:
    """A form of a report: ``renderer`` is the `module:function` that turns a View, or a Document, into its text, or
    pieces of it.

    ``file`` is the name of the file that `--report NAME` writes; empty means standard output. ``needs`` are packages of
    the extra `report`.
    """

    name: str
    description: str
    renderer: str
    file: str = ""
    needs: tuple[str, ...] = ()

    def render(self, subject: View | Document) -> str:
        """Return ``subject`` in this format."""
        return "".join(self.parts(subject))

    def parts(self, subject: View | Document) -> Iterable[str]:
        """Return ``subject`` in this format as pieces of text: a large page need not be in memory as a whole."""
        module, _, function = self.renderer.partition(":")
        found: str | Iterable[str] = getattr(importlib.import_module(module), function)(subject)
        return (found,) if isinstance(found, str) else found


FORMATS: Final = (
    Format(
        name="terminal",
        description="text for a terminal or a CI log",
        renderer="memcap.report.check:check_text",
        file="memcap.txt",
    ),
    Format(
        name="json",
        description="verdicts and figures, as `check --json` prints them",
        renderer="memcap.report.json:render_check_json",
        file="memcap.json",
    ),
    Format(
        name="markdown",
        description="GitHub's Markdown, at most 1 MiB",
        renderer="memcap.report.check:check_markdown",
        file="memcap.md",
    ),
    Format(
        name="comment",
        description="the same for a comment on GitHub, at most 65,536 characters",
        renderer="memcap.report.check:check_comment",
        file="memcap-comment.md",
    ),
    Format(
        name="html",
        description="one page for a browser, with charts; needs memcap[report]",
        renderer="memcap.report.html:html_parts",
        file="memcap.html",
        needs=("jinja2",),
    ),
    Format(
        name="github",
        description="annotations of GitHub Actions on standard output; job summary and output `verdict`",
        renderer="memcap.report.github:render_github",
    ),
    Format(
        name="junit",
        description="JUnit XML",
        renderer="memcap.report.junit:render_junit",
        file="memcap-junit.xml",
    ),
    Format(
        name="csv",
        description="every figure of every run",
        renderer="memcap.report.csv:render_csv",
        file="memcap.csv",
    ),
    Format(
        name="bencher",
        description="Bencher Metric Format",
        renderer="memcap.report.bencher:render_bencher",
        file="memcap-bencher.json",
    ),
    Format(
        name="benchmark-action",
        description="github-action-benchmark, customSmallerIsBetter",
        renderer="memcap.report.benchmark_action:render_benchmark_action",
        file="memcap-benchmark-action.json",
    ),
    Format(
        name="pytest-benchmark",
        description="pytest-benchmark's JSON",
        renderer="memcap.report.pytest_benchmark:render_pytest_benchmark",
        file="memcap-pytest-benchmark.json",
    ),
    Format(
        name="openmetrics",
        description="OpenMetrics text, with times: to import into Prometheus",
        renderer="memcap.report.openmetrics:render_openmetrics",
        file="memcap-openmetrics.txt",
    ),
    Format(
        name="prometheus",
        description="Prometheus text, without times: for node_exporter and the Pushgateway",
        renderer="memcap.report.openmetrics:render_prometheus",
        file="memcap.prom",
    ),
    Format(
        name="trace",
        description="memory of each run over time, for Perfetto and chrome://tracing",
        renderer="memcap.report.trace:render_trace",
        file="memcap-trace.json",
    ),
)

# Of several results: what `memcap report` alone can write. It is not a text of one View, so it has no renderer here.
OTAVA: Final = "otava"
HISTORY_FORMATS: Final = {OTAVA: "CSV of several results for Apache Otava, which finds change points"}


# What every command can write that reports something else than a campaign.
DOCUMENT_FORMATS: Final = (
    Format(
        name="markdown",
        description="GitHub's Markdown, at most 1 MiB",
        renderer="memcap.report.to_markdown:to_markdown",
        file="memcap.md",
    ),
    Format(
        name="html",
        description="one page for a browser, with charts",
        renderer="memcap.report.to_html:to_html",
        file="memcap.html",
    ),
)


def find_format(name: str, among: Sequence[Format] = FORMATS) -> Format:
    """Return the format called ``name``.

    Raises UsageError that names the nearest one, or what to install: before anything is measured, not after.
    """
    for each in among:
        if each.name == name:
            if not all(map(find_spec, each.needs)):
                raise missing(f"{name} reports")
            return each
    if name in HISTORY_FORMATS:
        raise UsageError(
            f"the format {name!r} is of several results", remedy=f"Use: memcap report RESULTS... --format {name}"
        )
    names = [each.name for each in among]
    near = get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"there is no report format {name!r}", remedy=f"{hint}Formats: {', '.join(names)}.")
