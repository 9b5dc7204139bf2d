"""Result files: lossless for memcap, and clear words for files that are not ours."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import TOLERANCES, make_cell, make_image, make_measurement, make_oom, make_result
from memcap.errors import FileExistsAlready, FileFormatError, NewerSchemaError
from memcap.model import (
    Budget,
    CampaignResult,
    Cap,
    CellResult,
    CellSummary,
    ContainerPolicy,
    Ending,
    EnvValue,
    LoadFigures,
    Measurement,
    Metric,
    PhaseFigures,
    PhaseName,
    ProcessMoment,
    PythonRun,
    Quiet,
    Secret,
    ServerRun,
    ServiceFigures,
    Shard,
    ShardFacts,
    WorkerFigures,
)
from memcap.store import load_result, save_result

# What no figure can be has tests of its own.
st.register_type_strategy(float, st.floats(0, 1e30))
st.register_type_strategy(int, st.integers(0, 2**63 - 1))
# Lone surrogates have a test of their own too: they are the one thing that a file cannot hold.
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
# A secret comes back as its hash: it has a test of its own.
st.register_type_strategy(Secret, st.text(st.characters(exclude_categories=["Cs"]), max_size=8))


def _whole(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Return values of ``kind`` with every field drawn, also those that have a default."""
    return st.builds(kind, **{each.name: ... for each in fields(kind)})


def _named(summary: CellSummary, name: str, cap: int) -> CellSummary:
    cell = f"agents.{name}-py312-128m"
    return replace(
        summary, id=cell, suite="agents", benchmark=name, image="py312", cap=Cap(name="128m", bytes=cap), variant=""
    )


_SUMMARIES = st.builds(
    _named,
    st.builds(CellSummary, thresholds=st.just({}), alerts=st.just({})),
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    st.integers(1, 2**63 - 1),
)
_RESULTS = st.builds(
    CampaignResult,
    id=st.from_regex(r"[0-9]{8}T[0-9]{6}-[a-z]+-[0-9a-f]{4}", fullmatch=True),
    images=...,
    policy=...,
    plan_cells=st.lists(_SUMMARIES.map(lambda summary: summary.id), max_size=2).map(tuple),
    cells=st.lists(
        st.builds(CellResult, cell=_SUMMARIES, runs=st.lists(_whole(Measurement), max_size=2).map(tuple), warmups=...),
        max_size=2,
        unique_by=lambda cell: cell.cell.id,
    ).map(tuple),
)


@given(result=_RESULTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_load_gives_back_what_was_saved(tmp_path_factory: pytest.TempPathFactory, result: CampaignResult) -> None:
    path = tmp_path_factory.mktemp("results") / "one.json"
    save_result(result, path, overwrite=False)
    assert load_result(path) == result


_SERVER_RUNS = st.builds(
    ServerRun,
    phases=st.lists(_whole(PhaseFigures), max_size=2).map(tuple),
    loads=st.lists(_whole(LoadFigures), max_size=2).map(tuple),
    services=st.lists(_whole(ServiceFigures), max_size=2).map(tuple),
    workers=_whole(WorkerFigures),
    process_series=st.lists(_whole(ProcessMoment), max_size=2).map(tuple),
)


@given(run=_SERVER_RUNS, budget=..., phase=...)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_a_server_yielded_is_kept(
    tmp_path_factory: pytest.TempPathFactory, run: ServerRun, budget: dict[PhaseName, Budget], phase: PhaseName
) -> None:
    path = tmp_path_factory.mktemp("results") / "one.json"
    cell = make_cell(runs=[make_measurement(server=run)])
    cell = replace(cell, cell=replace(cell.cell, phase_budgets=budget, expected_phase=phase))
    save_result(make_result(cell), path, overwrite=False)
    assert load_result(path).cells == (cell,)


def test_a_file_from_before_servers_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    save_result(make_result(make_cell()), path, overwrite=False)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["memcap"]["schema"] = 3
    (cell,) = document["memcap"]["cells"]
    del cell["cell"]["phase_budgets"]
    assert [key for key in ("expected_phase", "server") if key in cell["cell"] or key in cell["runs"][0]] == []
    path.write_text(json.dumps(document), encoding="utf-8")
    assert load_result(path).cells == (make_cell(),)


def test_the_value_of_a_secret_is_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    env: dict[str, EnvValue] = {"LEVEL": "debug", "TOKEN": Secret(value="hunter2xyz", digest="hmac:0123456789abcdef")}
    save_result(replace(make_result(make_cell()), policy=ContainerPolicy(env=env)), path, overwrite=False)
    assert "hunter2xyz" not in path.read_text(encoding="utf-8")
    assert load_result(path).policy.env == {"LEVEL": "debug", "TOKEN": "hmac:0123456789abcdef"}


@pytest.mark.parametrize(("before", "now"), [("true", "bridge"), ("false", "none")])
def test_whether_there_was_a_network_becomes_its_name(tmp_path: Path, before: str, now: str) -> None:
    path = tmp_path / "r.json"
    save_result(make_result(make_cell()), path, overwrite=False)
    text = path.read_text(encoding="utf-8")
    assert text.count('"network":"none"') == 1
    path.write_text(text.replace('"network":"none"', f'"network":{before}'), encoding="utf-8")
    assert load_result(path).policy.network == now


def test_whole_numbers_stay_whole_and_absent_stays_absent(tmp_path: Path) -> None:
    run = make_measurement(peak_bytes=2**60 + 1, rss_peak_bytes=None)
    save_result(make_result(make_cell(runs=[run])), tmp_path / "r.json", overwrite=False)
    (found,) = load_result(tmp_path / "r.json").cells[0].runs
    assert found.peak_bytes == 2**60 + 1
    assert isinstance(found.peak_bytes, int)
    assert found.rss_peak_bytes is None


@pytest.mark.parametrize("name", ["metadata", "values", "runs", "cell", "extra", "benchmarks"])
def test_an_image_and_a_metric_may_have_the_name_of_a_key(tmp_path: Path, name: str) -> None:
    facts = make_image(name=name)
    others = {each: make_image(name=each) for each in ("metadata", "runs")}
    run = make_measurement(extra={name: 1.5, "metadata": 2.5})
    result = replace(make_result(make_cell(runs=[run])), images={**others, name: facts})
    save_result(result, tmp_path / "r.json", overwrite=False)
    assert load_result(tmp_path / "r.json") == result


def test_any_mapping_is_stored(tmp_path: Path) -> None:
    tolerances = MappingProxyType(TOLERANCES)
    save_result(make_result(make_cell(tolerances=tolerances)), tmp_path / "r.json", overwrite=False)
    assert load_result(tmp_path / "r.json").cells[0].cell.tolerances == TOLERANCES


def test_metrics_that_an_older_memcap_stored_and_are_no_figures_are_left_out(tmp_path: Path) -> None:
    run = make_measurement(extra={"ratio": math.nan, "most": math.inf, "huge": 10**300, "below": -2.5})
    save_result(make_result(make_cell(runs=[run])), tmp_path / "r.json", overwrite=False)
    (found,) = load_result(tmp_path / "r.json").cells[0].runs
    assert found.extra == {"below": -2.5}


def test_output_that_is_not_unicode_does_not_lose_a_campaign(tmp_path: Path) -> None:
    run = make_measurement(output_tail="caf\udce9")
    save_result(make_result(make_cell(runs=[run])), tmp_path / "r.json", overwrite=False)
    assert load_result(tmp_path / "r.json").cells[0].runs[0].output_tail == "caf?"


def test_an_existing_file_is_only_replaced_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    save_result(make_result(), path, overwrite=False)
    before = path.read_bytes()
    with pytest.raises(FileExistsAlready, match=r"r\.json exists already"):
        save_result(make_result(profile="full"), path, overwrite=False)
    assert path.read_bytes() == before
    save_result(make_result(profile="full"), path, overwrite=True)
    assert load_result(path).profile == "full"


def test_a_campaign_without_any_value_is_saved(tmp_path: Path) -> None:
    lost = Measurement(ending=Ending.LOST)
    result = make_result(make_cell(runs=[lost, lost]))
    save_result(result, tmp_path / "r.json", overwrite=False)
    assert load_result(tmp_path / "r.json") == result
    assert json.loads((tmp_path / "r.json").read_text())["benchmarks"] == []


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[[Callable[[Any], Any]], Path]:
    """Return ``damage(change)``: a result file whose JSON went through ``change``."""

    def damage(change: Callable[[Any], Any]) -> Path:
        path = tmp_path / "damaged.json"
        runs = [make_measurement(python=PythonRun(implementation="CPython", version="3", flags={})), make_oom()]
        save_result(make_result(make_cell(runs=runs)), path, overwrite=True)
        document = json.loads(path.read_text())
        path.write_text(json.dumps(change(document) or document))
        return path

    return damage


def test_a_pyperf_file_without_our_part_says_so(damaged: Callable[[Callable[[Any], Any]], Path]) -> None:
    path = damaged(lambda document: document.pop("memcap") and None)
    with pytest.raises(FileFormatError, match=r'damaged\.json is a pyperf file .* no "memcap" key') as caught:
        load_result(path)
    assert "pyperf drops that part" in caught.value.remedy


def test_some_other_json_is_not_called_pyperf(damaged: Callable[[Callable[[Any], Any]], Path]) -> None:
    with pytest.raises(FileFormatError, match="no result of memcap"):
        load_result(damaged(lambda _: {"a": 1}))


def test_pinned_cpus_of_schema_2_are_read(damaged: Callable[[Callable[[Any], Any]], Path]) -> None:
    def rename(document: Any) -> None:
        document["memcap"]["schema"] = 2
        document["memcap"]["cells"][0]["cell"]["quiet"] = {"cpus": 1, "thp": True, "aslr": False}

    (cell,) = load_result(damaged(rename)).cells
    assert cell.cell.quiet == Quiet(pin_cpus=1, aslr=False)


def test_a_newer_schema_names_both_versions_and_the_way_out(damaged: Callable[[Callable[[Any], Any]], Path]) -> None:
    path = damaged(lambda document: document["memcap"].update(schema=99))
    with pytest.raises(
        NewerSchemaError, match=r"damaged\.json: memcap\.schema: written with schema 99;.*up to 5"
    ) as it:
        load_result(path)
    assert "Upgrade memcap" in it.value.remedy


@pytest.mark.parametrize("schema", [None, "1", 0, True, 1.0])
def test_a_schema_that_is_no_version_is_malformed(
    damaged: Callable[[Callable[[Any], Any]], Path], schema: object
) -> None:
    with pytest.raises(FileFormatError, match=r"memcap\.schema: expected a schema version") as caught:
        load_result(damaged(lambda document: document["memcap"].update(schema=schema)))
    assert not isinstance(caught.value, NewerSchemaError)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ours: ours.pop("started"), r"memcap\.started: is missing"),
        (
            lambda ours: ours["cells"][0]["runs"][1].update(ending="exploded"),
            r"memcap\.cells\[0\]\.runs\[1\]\.ending: expected 'completed', .*found \"exploded\"",
        ),
        (
            lambda ours: ours["cells"][0]["runs"][0].update(peak_bytes="1024"),
            r"memcap\.cells\[0\]\.runs\[0\]\.peak_bytes: expected a valid integer, found \"1024\"",
        ),
        (lambda ours: ours["cells"][0]["runs"][0].update(peak_bytes=True), r"peak_bytes: expected a valid integer"),
        (
            lambda ours: ours["cells"][0]["runs"][0].update(peak_bytes=10**400, wall_seconds=math.nan),
            r"(?s)peak_bytes: expected .*, found a number of more than 70 digits.*\[0\]\.wall_seconds: .*found NaN",
        ),
        (lambda ours: ours["cells"][0]["runs"][1].update(peak_bytes=-1), r"runs\[1\]\.peak_bytes: expected 0 or more"),
        (lambda ours: ours.update(runs=-1), r"memcap\.runs: expected 0 or more, found -1"),
        (
            lambda ours: ours.update(plan_cells=["a.b"]),
            r'memcap\.plan_cells\[0\]: expected the id of a cell, found "a.b"',
        ),
        (lambda ours: ours.update(id="../../x"), r'memcap\.id: expected the id of a campaign, found "../../x"'),
        (
            lambda ours: ours["cells"][0]["cell"].update(suite="../../../x/pwned"),
            r'cells\[0\]\.cell\.suite: expected a name of a-z, 0-9 and _, found "../../../x/pwned"',
        ),
        (lambda ours: ours["cells"][0]["cell"].update(image="/etc"), r'cell\.image: expected a name .*, found "/etc"'),
        (lambda ours: ours["cells"][0]["cell"].update(variant="a/b"), r"cell\.variant: expected a name"),
        (lambda ours: ours["cells"][0]["cell"]["cap"].update(name="nul"), r"cell\.cap\.name: expected a name"),
        (
            lambda ours: ours["cells"][0]["cell"].update(id="streams.crew_backed-py312-128m"),
            r'cell\.id: expected "agents.crew_backed-py312-128m", found "streams',
        ),
        (lambda ours: ours.update(policy=ours["cells"][0]), r"memcap\.policy: .*found nothing"),
        (
            lambda ours: ours["cells"][0]["cell"].update(alerts={"lag": 1.0}),
            r"cells\[0\]\.cell\.alerts\.lag: the cell has no metric of that name",
        ),
        (lambda ours: ours.update(cells={}), r"memcap\.cells: .*found an object"),
        (lambda ours: ours.update(environment=None), r"memcap\.environment: .*found nothing"),
        (lambda ours: ours["cells"].append(ours["cells"][0]), r"memcap\.cells\[1\]: the cell .* is there twice"),
    ],
)
def test_a_malformed_file_names_the_key_and_what_was_expected(
    damaged: Callable[[Callable[[Any], Any]], Path], change: Callable[[Any], object], message: str
) -> None:
    def damage(document: Any) -> None:
        change(document["memcap"])

    with pytest.raises(FileFormatError, match=message) as caught:
        load_result(damaged(damage))
    assert "damaged.json" in str(caught.value)


def test_an_unknown_key_is_ignored(damaged: Callable[[Callable[[Any], Any]], Path]) -> None:
    assert load_result(damaged(lambda document: document["memcap"].update(later=1))).profile == "quick"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"r\.json:1:1: this is not JSON"),
        (b'{"memcap": {\n "schema" 1', r"r\.json:2:11: this is not JSON"),
        (b"[1]", "expected a JSON object, found a list"),
        (b'{"memcap": 1}', "memcap: expected an object, found 1"),
        (b"\xff\xfe", r"not text in UTF-8 \(byte 0\)"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"memcap": {"schema": 2, "schema": 1}}', 'the key "schema" is there twice'),
        (b'{"memcap": {"schema": 2, "runs": ' + b"9" * 6000 + b"}}", r"r\.json: a number has 6000 digits"),
    ],
)
def test_a_file_that_is_no_json_object_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        load_result(tmp_path / "r.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"gone\.json: cannot be read: No such file"):
        load_result(tmp_path / "gone.json")


def test_values_are_those_of_runs_that_ended_as_expected(tmp_path: Path) -> None:
    save_result(make_result(make_cell(runs=[make_measurement(60), make_oom()])), tmp_path / "r.json", overwrite=False)
    document = json.loads((tmp_path / "r.json").read_text())
    peak = next(each for each in document["benchmarks"] if each["metadata"]["memcap_metric"] == Metric.PEAK.value)
    assert [run["values"] for run in peak["runs"]] == [[60 * 1024 * 1024]]
    assert peak["metadata"]["memcap_runs_without_value"] == 1


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"shard": {"number": 4, "count": 3}}, r"memcap\.shard\.shard: expected a number from 1 to `count`, found 4/3"),
        ({"shard": {"number": 0, "count": 3}}, r"memcap\.shard\.shard: expected a number from 1"),
        ({"shard": {"number": 1, "count": 10**12}}, r"memcap\.shard\.shard: expected a number from 1"),
        ({"plan_cells": ["../x"]}, r"memcap\.shard\.plan_cells\[0\]: expected the id of a cell"),
    ],
)
def test_a_shard_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, object], complaint: str) -> None:
    facts = ShardFacts(shard=Shard(number=1, count=3), plan_cells=(make_cell().cell.id,))
    path = tmp_path / "shard.json"
    save_result(make_result(shard=facts), path, overwrite=False)
    assert load_result(path).shard == facts
    document = json.loads(path.read_text())
    document["memcap"]["shard"] |= changes
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=complaint):
        load_result(path)


def test_a_result_of_schema_4_has_no_shard_and_no_host(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    save_result(make_result(), path, overwrite=False)
    document = json.loads(path.read_text())
    ours = document["memcap"]
    ours["schema"] = 4
    del ours["merged_from"]
    assert "shard" not in ours
    assert not {"host", "cpu_model"} & ours["environment"].keys()
    path.write_text(json.dumps(document))
    assert load_result(path) == make_result()
