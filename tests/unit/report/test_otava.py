"""Histories for Apache Otava: its CSV files and configuration, by the rules of its importer."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factories import CELL_ID, MIB, make_cell, make_environment, make_measurement, make_oom, make_result, make_runs
from memcap.model import PROCESS_ENGINE, CampaignResult
from memcap.report.otava import FigureHistory, histories, history_csv, otava_config


def make_history(levels: Sequence[float], **changes: Any) -> list[CampaignResult]:
    """Return a result a day, with the medians ``levels`` in MiB."""
    return [
        make_result(
            make_cell(runs=make_runs((level - 0.5, level, level + 0.5))),
            id=f"202611{day:02}T043000-quick-1a2b",
            started=f"2026-11-{day:02}T04:30:00+00:00",
            **changes,
        )
        for day, level in enumerate(levels, start=1)
    ]


def rows_of(history: FigureHistory) -> list[dict[str, str]]:
    return list(csv.DictReader(history_csv(history).splitlines()))


def test_a_row_is_a_result_in_the_order_of_time() -> None:
    (history,) = histories(reversed(make_history((60, 61, 70))))
    rows = rows_of(history)

    assert [row["time"] for row in rows] == [f"2026-11-0{day}T04:30:00+00:00" for day in (1, 2, 3)]
    assert [float(row["peak_bytes"]) for row in rows] == [60 * MIB, 61 * MIB, 70 * MIB]
    assert [float(row["wall_seconds"]) for row in rows] == [1.25] * 3
    assert rows[0]["campaign"] == "20261101T043000-quick-1a2b"
    assert (rows[0]["python"], rows[0]["kernel"], rows[0]["memcap"]) == ("3.12.7", "6.1.0", "0.1.0")


def test_a_result_that_is_named_twice_counts_once() -> None:
    (history,) = histories([*make_history((60, 61)), *make_history((60, 61))])
    assert len(history.times) == 2


def test_each_cell_has_a_history_of_its_own() -> None:
    other = make_cell("agents.other-py312-128m")
    first, second = make_history((60, 61))
    found = histories([first, make_result(other, *second.cells, id=second.id, started=second.started)])

    assert [(each.cell_id, len(each.times)) for each in found] == [(CELL_ID, 2), ("agents.other-py312-128m", 1)]


def test_a_result_whose_runs_were_killed_has_no_row() -> None:
    killed = make_result(
        make_cell(runs=[make_oom()] * 3), id="20261120T043000-quick-dead", started="2026-11-20T04:30:00+00:00"
    )
    (history,) = histories([*make_history((60, 61)), killed])

    assert len(history.times) == 2
    assert history.left_out == ("20261120T043000-quick-dead",)
    assert histories([killed]) == ()


def test_plain_processes_and_older_metrics_are_left_out() -> None:
    newest = make_history((60, 61, 62))
    plain = make_history((9,), environment=make_environment(engine=PROCESS_ENGINE))
    (history,) = histories([*plain, *newest[1:]])
    assert history.left_out == (plain[0].id,)

    (history,) = histories([*make_history((9,), metrics_version=1), *newest[1:]])
    assert len(history.times) == 2


def test_a_figure_that_is_missing_once_is_empty_and_not_configured() -> None:
    """Otava refuses a row with an empty value in a column that it looks at."""
    first, second = make_history((60, 61))
    bare = make_result(
        make_cell(runs=[make_measurement(61, rss_peak_bytes=None)]), id=second.id, started=second.started
    )
    (history,) = histories([first, bare])

    assert [row["rss_peak_bytes"] for row in rows_of(history)][1] == ""
    assert history.gaps == ("rss_peak_bytes",)
    assert "rss_peak_bytes" not in otava_config([history], "history")
    assert "unreclaimable_peak_bytes" in otava_config([history], "history")


def test_a_figure_that_is_never_there_is_no_column() -> None:
    run = make_measurement(60, rss_peak_bytes=None)
    (history,) = histories([make_result(make_cell(runs=[run]))])

    assert "rss_peak_bytes" not in rows_of(history)[0]
    assert history.gaps == ()


def test_the_configuration_has_a_test_for_each_cell() -> None:
    (history,) = histories(make_history((60, 61)))

    assert otava_config([history], "out/history") == (
        "# For: otava analyze --config-file THIS_FILE CELL. Written by memcap report --format otava.\n"
        "tests:\n"
        '  "agents.crew_backed-py312-128m":\n'
        "    type: csv\n"
        '    file: "out/history/agents.crew_backed-py312-128m.csv"\n'
        "    time_column: time\n"
        "    attributes: [campaign, memcap, image_digest, python, kernel]\n"
        "    metrics:\n"
        '      "peak_bytes":\n'
        '        column: "peak_bytes"\n'
        "        direction: -1\n"
        '      "unreclaimable_peak_bytes":\n'
        '        column: "unreclaimable_peak_bytes"\n'
        "        direction: -1\n"
        '      "rss_peak_bytes":\n'
        '        column: "rss_peak_bytes"\n'
        "        direction: -1\n"
        '      "wall_seconds":\n'
        '        column: "wall_seconds"\n'
        "        direction: -1\n"
        '      "cpu_seconds":\n'
        '        column: "cpu_seconds"\n'
        "        direction: -1\n"
    )


@given(st.text(max_size=30))
def test_metrics_of_any_name_are_columns_that_the_configuration_finds(name: str) -> None:
    run = make_measurement(60, extra={name: 3.0})
    (history,) = histories([make_result(make_cell(runs=[run], extra_metrics={name: "rows"}))])
    text = history_csv(history)
    (header, row) = csv.reader(text.splitlines())
    lines = otava_config([history], "f").splitlines()
    configured = [line.partition(": ")[2] for line in lines if line.startswith("        column: ")]

    assert set(map(json.loads, configured)) <= set(header)
    assert float(row[-1]) == 3.0
    assert all(character.isprintable() or character == "\n" for character in text)


def test_no_direction_is_claimed_for_what_a_workload_measures() -> None:
    run = make_measurement(60, extra={"rows": 3.0})
    (history,) = histories([make_result(make_cell(runs=[run]))])
    *_, last, column = otava_config([history], "f").splitlines()

    assert (last, column) == ('      "metric:rows":', '        column: "metric:rows"')
