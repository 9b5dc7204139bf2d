"""What is told of a fit: the table, the sentence, what to paste, JSON, and the folder."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from simulated_workload import MIB, Workload, found

from factories import make_environment, make_image
from memcap.fitting import Cold, Fit, Goal, Rule, from_cold_start, recommend
from memcap.model import Caveat, CaveatKind
from memcap.report.fit import FitReport, fit_document
from memcap.report.fit_charts import fit_charts
from memcap.report.fit_files import write_fit
from memcap.report.fit_json import render_fit_json
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import to_terminal

STEP = Workload(need=48.4, peak=49.0, threshold=48.4)
CACHE = Workload(need=20, peak=84, threshold=21.5, comfort=80, slowness=lambda cap: 1.2 if cap < 80 else 1.0)
CLIFF = Workload(need=20, peak=84, threshold=20, comfort=84, slowness=lambda cap: 1 if cap >= 60 else 3)


def report_of(fit: Fit, *, headroom: float = 0.15, subject: str = "py312 -- python app.py") -> FitReport:
    return FitReport(
        id="20261120T043000-fit-1a2b",
        started="2026-11-20T04:30:00+00:00",
        subject=subject,
        image=make_image(),
        environment=make_environment(),
        fit=fit,
        recommendation=recommend(fit, headroom=headroom),
    )


def render_fit(report: FitReport) -> str:
    return to_terminal(fit_document(report))


def test_a_step_is_told_in_a_table_a_sentence_and_what_to_paste() -> None:
    assert render_fit(report_of(found(STEP))) == (
        "py312 -- python app.py needs 49.0 MiB: it survived 5 of 5 runs with that (95 %\n"
        "sure: 48 % of all runs or more would); with 48.0 MiB the run ended as\n"
        "oom_killed. That is comfortable, too: it loses no time (at most 0 %, 95 % sure,\n"
        "5 runs).\n"
        "\n"
        "Recommended: 57 MiB, the minimum and 15%, 8.0 MiB (16%) above the minimum:\n"
        "another input may need more; --headroom sets the share.\n"
        "\n"
        "     cap  survived      95 %   time  lost   read  found\n"
        "                    interval               again\n"
        "--------  --------  --------  -----  ----  -----  --------------------\n"
        "48.0 MiB    0 of 1    0-98 %      -     -      0  oom_killed\n"
        "49.0 MiB    5 of 5  48-100 %  1.00x   0 %      0  minimum, comfortable\n"
        "\n"
        "docker run:\n"
        "    docker run --memory 57m --memory-swap 57m …\n"
        "\n"
        "Compose:\n"
        "    services:\n"
        "      app:\n"
        "        mem_limit: 57m\n"
        "        memswap_limit: 57m\n"
        "\n"
        "Kubernetes:\n"
        "    resources:\n"
        "      requests:\n"
        "        memory: 57Mi\n"
        "      limits:\n"
        "        memory: 57Mi\n"
    )


def test_page_cache_that_is_missed_makes_the_comfortable_cap_the_recommended_one() -> None:
    report = report_of(found(CACHE))
    told = " ".join(render_fit(report).split())
    assert "needs 22.0 MiB" in told
    assert re.search(r"It is comfortable from 8\d\.0 MiB: it loses no time .* there, and more than 2% with less", told)
    assert report.recommendation.rule is Rule.COMFORT
    assert report.fit.comfortable is not None
    assert report.recommendation.limit_bytes == report.fit.comfortable.cap_bytes
    assert "the comfortable cap, 59.0 MiB (268%)" in told
    assert "above the minimum: with less, it loses time." in told


@pytest.mark.parametrize(
    ("cold", "limit", "words"),
    [
        (
            Cold(checked=True, minimum_cap_bytes=57 * MIB, survived=3, runs=3),
            57,
            "survived 3 of 3 cold starts with 57.0 MiB",
        ),
        (
            Cold(checked=True, minimum_cap_bytes=214 * MIB, survived=3, runs=3),
            247,
            "From a cold start it needs 214.0 MiB: the files of its image count then. It survived 3 of 3 cold starts",
        ),
        (Cold(checked=False, reason="the files stayed"), 57, "Cold starts were not checked: the files stayed."),
        (Cold(checked=True), 57, "It did not start from cold with 57.0 MiB, nor with any larger cap that was tried."),
    ],
)
def test_what_cold_starts_showed_is_told(cold: Cold, limit: int, words: str) -> None:
    report = report_of(found(STEP))
    report = replace(report, cold=cold, recommendation=from_cold_start(report.recommendation, cold))
    assert report.recommendation.limit_bytes == limit * MIB
    assert words in " ".join(render_fit(report).split())
    document = json.loads(render_fit_json(report))
    assert document["cold"]["minimum_cap_bytes"] == cold.minimum_cap_bytes
    assert document["recommendation"]["limit_bytes"] == limit * MIB


def test_headroom_is_on_the_minimum_in_whole_mebibytes() -> None:
    fit = found(STEP)
    assert [recommend(fit, headroom=share).limit_bytes // MIB for share in (0, 0.15, 0.5, 1)] == [49, 57, 74, 98]
    fine = found(STEP, Goal(resolution_bytes=MIB // 4))
    assert fine.minimum.cap_bytes == 48.5 * MIB
    assert recommend(fine, headroom=0).limit_bytes == 49 * MIB


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (found(CLIFF), "it took 3.00 times as long as without a cap"),
        (found(Workload(need=2, peak=3, threshold=2)), "It may do with less, but Docker refuses caps below 6.0 MiB."),
        (
            found(Workload(need=20, peak=900, threshold=20, comfort=800, slowness=lambda cap: 1 if cap > 666 else 3)),
            "The least cap is somewhere between 666.0 MiB and 673.0 MiB: --max-runs 28 says it more closely.",
        ),
        (replace(found(STEP), confirmed=False), "There were not enough runs to be sure of it"),
        (
            found(Workload(need=20, peak=90, threshold=80), Goal(max_runs=1, max_runs_if_steady=1)),
            "No cap was found with which it loses at most 2% of its time; 91.0 MiB would never be reached.",
        ),
    ],
)
def test_doubts_are_told(fit: Fit, words: str) -> None:
    assert words in " ".join(render_fit(report_of(fit)).split())


def test_chance_is_told() -> None:
    chance = random.Random(3)
    fit = found(Workload(need=100, peak=103, threshold=0, survives=lambda cap: cap > 100 or chance.random() < 0.5))
    assert fit.noisy
    mixed = [f"{point.cap_bytes // MIB}.0 MiB" for point in fit.curve if 0 < point.survived < len(point.trials)]
    assert mixed
    assert f"To survive with {' and '.join(mixed)} is a matter of chance." in " ".join(
        render_fit(report_of(fit)).split()
    )


def test_caveats_of_the_first_measurement_come_with_their_remedy() -> None:
    detail = "{} MiB of mapped files were in memory that this container was not charged for"
    caveats = tuple(Caveat(kind=CaveatKind.MAPPED_ELSEWHERE, detail=detail.format(size)) for size in ("40.0", "41.0"))
    report = replace(report_of(found(STEP)), caveats=caveats)
    words = "40.0\N{EN DASH}41.0 MiB of mapped files"
    assert f"caveat mapped elsewhere {words}" in " ".join(render_fit(report).split())
    assert f"caveat mapped elsewhere: {words}" in to_markdown(fit_document(report))
    (caveat,) = json.loads(render_fit_json(report))["caveats"]
    assert caveat["kind"] == "mapped_elsewhere"
    assert caveat["details"] == [detail.format("40.0\N{EN DASH}41.0")]


def test_json_has_the_answer_and_the_curve() -> None:
    document = json.loads(render_fit_json(report_of(found(CLIFF))))
    assert document["minimum_cap_bytes"] == 60 * MIB
    assert document["comfortable_cap_bytes"] == 60 * MIB, "what is read again there takes no time"
    assert document["time_lost"] == {"basis": "times", "estimate": 0.0, "low": 0.0, "high": 0.0, "runs": 5}
    assert document["runs"] >= sum(point["runs"] for point in document["curve"])
    assert document["survival"]["survived"] == document["survival"]["runs"] >= 3
    assert document["recommendation"]["docker_run"].startswith("docker run --memory")
    caps = [point["cap_bytes"] for point in document["curve"]]
    assert caps == sorted(caps)
    least = next(point for point in document["curve"] if point["cap_bytes"] == 60 * MIB)
    low, high = least["survival_interval"]
    assert (least["survived"], least["slowdown"], least["wall_seconds"], high) == (least["runs"], 1.0, 2.0, 1.0)
    assert 0 < low < 1
    assert {"refaults", "major_faults", "stall_seconds", "cap_hits"} <= least.keys()
    assert (least["refaults"], least["stall_seconds"]) == (5000, None)


def test_the_folder_has_everything_and_obeys_nobody(tmp_path: Path) -> None:
    report = report_of(found(CLIFF), subject="x -- sh -c '<script>alert(1)</script> `$(id)`\x1b[31m'")
    paths = write_fit(report, tmp_path / "new" / "folder")
    names = {path.name for path in paths}
    assert names == {"fit.json", "fit.md", "index.html", "survival.svg", "time.svg", "read-again.svg"}
    assert json.loads((tmp_path / "new/folder/fit.json").read_text()) == json.loads(render_fit_json(report))
    page = (tmp_path / "new/folder/index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert page.count('<svg class="chart tall"') == 3
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "\x1b" not in page
    for name in ("survival.svg", "time.svg"):
        assert ET.parse(tmp_path / "new/folder" / name).getroot().tag.endswith("svg")
    assert "minimum" in (tmp_path / "new/folder/survival.svg").read_text(encoding="utf-8")
    write_fit(report, tmp_path / "new" / "folder")


def test_markdown_shows_the_charts_and_keeps_the_command_whole() -> None:
    report = report_of(found(STEP), subject="a `b` c")
    text = to_markdown(fit_document(report, has_files=True))
    assert text.startswith("**memcap fit: a &#96;b&#96; c needs 49.0 MiB")
    assert "![Runs that survived, in %, with the 95 % interval, by cap. 48 MiB: 0; 49 MiB: 100.](survival.svg)" in text
    assert "| 49.0 MiB | 5 of 5 | 48-100 % | 1.00x | 0 % | 0 | minimum, comfortable |" in text
    assert "![" not in to_markdown(fit_document(report))


def test_charts_tell_their_values_in_words() -> None:
    charts = fit_charts(found(STEP))
    assert set(charts) == {"survival.svg", "time.svg", "read-again.svg"}, "without PSI there is nothing to draw"
    assert charts["survival.svg"].words.endswith("by cap. 48 MiB: 0; 49 MiB: 100.")
    assert charts["time.svg"].words.endswith("by cap. 49 MiB: 1.")
