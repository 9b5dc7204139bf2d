"""Results of shards as one: what the whole campaign would have been, or why they do not belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import make_cell, make_environment, make_image, make_measurement, make_result
from memcap.errors import UsageError
from memcap.model import CampaignResult, CellResult, ContainerPolicy, Shard, ShardFacts
from memcap.shards import NamedResult, ShardsMissing, merge, merge_bases
from memcap.shards.alike import shared_words
from memcap.store import load_result, save_result

IDS = tuple(f"agents.{name}-py312-128m" for name in ("a", "b", "c", "d", "e"))
CELLS = tuple(map(make_cell, IDS))
ON = make_environment(host="runner-1", cpu_model="EPYC 7763")


def shard(number: int, cells: Sequence[CellResult], *, of: int = 3, **changes: Any) -> NamedResult:
    """Return the result of one of ``of`` shards of the plan of CELLS, from its file."""
    facts = ShardFacts(shard=Shard(number=number, count=of), plan_cells=IDS, commit="c0ffee", base=None)
    result = make_result(
        *cells,
        id=f"20261120T04300{number}-quick-1a2{number}",
        started=f"2026-11-20T04:30:0{number}+00:00",
        command=("memcap", "run", "--shard", f"{number}/{of}", "-o", f"{number}.json", "--profile", "quick"),
        environment=ON,
        shard=facts,
    )
    if not cells:
        result = replace(result, cells=(), plan_cells=(), images={})
    return NamedResult(name=f"{number}.json", result=replace(result, **changes))


def three(**changes: Any) -> list[NamedResult]:
    """Return all shards, of which the second is changed."""
    return [shard(1, CELLS[:2]), shard(2, CELLS[3:], **changes), shard(3, CELLS[2:3])]


FACTS = ShardFacts(shard=Shard(number=2, count=3), plan_cells=IDS, commit="c0ffee")


def refusal(parts: Sequence[NamedResult], *, allow_mixed: bool = False) -> str:
    with pytest.raises(UsageError) as refused:
        merge(parts, allow_mixed=allow_mixed)
    assert refused.value.exit_code == 2
    assert refused.value.remedy
    return refused.value.message


@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 3), min_size=5, max_size=5))
def test_what_is_merged_is_the_whole_campaign_in_any_order(random: Random, numbers: list[int]) -> None:
    parts = [
        shard(number, [cell for cell, own in zip(CELLS, numbers, strict=True) if own == number]) for number in (1, 2, 3)
    ]
    whole = make_result(*CELLS, environment=ON)
    random.shuffle(parts)

    result = merge(parts).result

    assert (result.cells, result.plan_cells, result.images) == (whole.cells, IDS, whole.images)
    assert (result.environment, result.shard, result.complete) == (ON, None, True)
    assert result.command == ("memcap", "run", "--profile", "quick")
    assert result.started == "2026-11-20T04:30:01+00:00"
    assert result.merged_from == tuple(f"20261120T04300{number}-quick-1a2{number}" for number in (1, 2, 3))
    assert result.id.startswith("20261120T043001-quick-")
    assert result.id not in result.merged_from
    assert result == merge(parts[::-1]).result


def test_a_merged_result_is_stored_and_read_as_it_is(tmp_path: Path) -> None:
    parts = three(environment=replace(ON, host="runner-2"))
    for result in (merge(parts).result, parts[0].result):
        save_result(result, tmp_path / "all.json", overwrite=True)
        assert load_result(tmp_path / "all.json") == result


def test_cells_name_their_host_where_hosts_differ() -> None:
    same = merge(three()).result
    assert {cell.host for cell in same.cells} == {None}
    assert same.environment.host == "runner-1"

    several = merge(three(environment=replace(ON, host="runner-2"))).result
    assert [cell.host for cell in several.cells] == ["runner-1"] * 3 + ["runner-2"] * 2
    assert several.environment.host == "runner-1, runner-2"


def test_a_file_without_a_shard_is_refused() -> None:
    plain = NamedResult(name="plain.json", result=make_result())
    assert refusal([*three(), plain]) == "plain.json is not a shard: it was measured without --shard"
    merged = NamedResult(name="all.json", result=merge(three()).result)
    assert refusal([merged]) == "all.json is not a shard: it was merged already"


def test_a_shard_that_is_given_twice_is_refused() -> None:
    again = NamedResult(name="again.json", result=shard(2, CELLS[3:]).result)
    assert "\n  2/3: 2.json, again.json" in refusal([*three(), again]) or "again.json, 2.json" in refusal(
        [*three(), again]
    )


def test_missing_shards_are_named_with_the_code_of_cells_that_are_gone() -> None:
    with pytest.raises(ShardsMissing, match="2 of 3 shards are missing: 1/3, 3/3") as refused:
        merge(three()[1:2])
    assert refused.value.exit_code == 95
    with pytest.raises(ShardsMissing, match="1 of 3 shards is missing: 2/3"):
        merge([three()[0], three()[2]])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"profile": "full"}, "profile: quick (1.json, 3.json), full (2.json)"),
        ({"runs": 7}, "runs of a cell: 5 (1.json, 3.json), 7 (2.json)"),
        ({"warmups": 0}, "warm-ups of a cell: 1"),
        ({"looks": (6, 12)}, "runs at interim checks: none (1.json, 3.json), 6, 12 (2.json)"),
        ({"command": ("memcap", "run", "--cold")}, "command: memcap run --profile quick (1.json, 3.json), memcap run"),
        ({"policy": ContainerPolicy(network="bridge")}, "container options: variant 1 (1.json, 3.json), variant 2"),
        ({"shard": replace(FACTS, commit="beef")}, "commit: c0ffee (1.json, 3.json), beef (2.json)"),
        ({"shard": replace(FACTS, commit=None)}, "none (2.json)"),
        ({"shard": replace(FACTS, base="main (1a2b)")}, "base: none (1.json, 3.json), main (1a2b)"),
        ({"shard": replace(FACTS, plan_cells=IDS[:4])}, "cells of the plan: variant 1"),
        ({"shard": replace(FACTS, shard=Shard(number=2, count=4))}, "number of shards: 3 (1.json"),
    ],
)  # fmt: skip
def test_shards_of_another_campaign_are_refused_with_the_difference(changes: dict[str, Any], words: str) -> None:
    message = refusal(three(**changes), allow_mixed=True)
    assert message.startswith("the files are not shards of one campaign; nothing was merged.\n")
    assert words in message


def test_secrets_are_hashed_with_another_key_in_each_job() -> None:
    first, second = (ContainerPolicy(env={"TOKEN": f"hmac:{key}", "MODE": "x"}) for key in ("aa", "bb"))
    parts = [replace(each, result=replace(each.result, policy=first)) for each in three()]
    parts[1] = replace(parts[1], result=replace(parts[1].result, policy=second))
    assert merge(parts).result.policy == first
    other = replace(first, env={"TOKEN": "hmac:bb", "MODE": "y"})
    parts[1] = replace(parts[1], result=replace(parts[1].result, policy=other))
    assert "container options" in refusal(parts)


@pytest.mark.parametrize(("own", "what"), [(CELLS[2:], "in several shards"), (CELLS[4:], "in no shard")])
def test_a_plan_that_was_divided_by_other_durations_is_refused(own: tuple[CellResult, ...], what: str) -> None:
    message = refusal([shard(1, CELLS[:2]), shard(2, own), shard(3, CELLS[2:3])])
    assert message.startswith("the plan was not divided alike for all shards")
    assert f"\n  {what}: " in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kernel": "6.5.0"}, "kernel: 6.1.0 (1.json, 3.json), 6.5.0 (2.json)"),
        ({"cpu_model": "Xeon"}, "CPU model: EPYC 7763 (1.json, 3.json), Xeon (2.json)"),
        ({"cpus": 4}, "number of CPUs: 2 (1.json, 3.json), 4 (2.json)"),
        ({"engine_version": "28"}, "version of the engine: 20.10.24"),
        ({"operating_system": "Ubuntu"}, "operating system: Debian"),
        ({"cgroup_driver": "systemd"}, "cgroup driver: cgroupfs"),
    ],
)
def test_machines_that_differ_are_refused_unless_that_is_allowed(changes: dict[str, Any], words: str) -> None:
    parts = three(environment=replace(ON, **changes))
    message = refusal(parts)
    assert message.startswith("the shards were measured in unlike environments; nothing was merged.\n")
    assert words in message

    merged = merge(parts, allow_mixed=True)
    assert len(merged.mixed) == 1
    assert words in merged.mixed[0]
    [(name, value)] = changes.items()
    joined = getattr(merged.result.environment, name)
    assert joined is None if isinstance(value, int) else value in joined


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": replace(ON, engine="podman")}, "engine: Docker Engine"),
        ({"environment": replace(ON, architecture="aarch64")}, "architecture: x86_64 (1.json, 3.json), aarch64"),
        ({"environment": replace(ON, cgroup_version=2)}, "cgroup version: 1 (1.json, 3.json), 2 (2.json)"),
        ({"environment": replace(ON, memcap_version="0.2.0")}, "version of memcap: 0.1.0"),
        ({"environment": replace(ON, swap_accounting=False)}, "swap accounting: True (1.json, 3.json), False"),
        ({"metrics_version": 1}, "definition of the metrics: 2 (1.json, 3.json), 1 (2.json)"),
        ({"images": {"py312": make_image(digest="sha256:other")}}, "image py312: "),
        ({"images": {"py312": make_image(python=None)}}, "image py312: "),
    ],
)
def test_what_forbids_comparing_figures_cannot_be_allowed(changes: dict[str, Any], words: str) -> None:
    for allow_mixed in (False, True):
        message = refusal(three(**changes), allow_mixed=allow_mixed)
        assert words in message
        assert message.startswith("the shards were measured in unlike environments; nothing was merged.\n")


def test_the_page_size_must_be_the_same() -> None:
    cells = [make_cell(cell_id, [make_measurement(page_size_bytes=16384)]) for cell_id in IDS[3:]]
    small = [make_cell(cell_id, [make_measurement(page_size_bytes=4096)]) for cell_id in IDS[:3]]
    parts = [shard(1, small[:2]), shard(2, cells), shard(3, small[2:])]
    assert "page size: 4096 (1.json, 3.json), 16384 (2.json)" in refusal(parts, allow_mixed=True)


def test_what_a_machine_does_not_say_is_not_compared() -> None:
    assert merge(three(environment=replace(ON, cpu_model=None, cpus=None))).mixed == ()


def test_the_machine_of_a_shard_without_cells_does_not_matter() -> None:
    parts = [shard(1, CELLS), shard(2, [], environment=replace(ON, kernel="other", host="x")), shard(3, [])]
    assert merge(parts).result.environment == ON


def test_a_shard_that_lacks_cells_leaves_the_whole_incomplete() -> None:
    parts = three()
    parts[1] = replace(parts[1], result=replace(parts[1].result, cells=CELLS[3:4]))
    result = merge(parts).result
    assert not result.complete
    assert set(result.plan_cells) - {cell.cell.id for cell in result.cells} == {IDS[4]}


def test_bases_are_merged_under_the_name_of_the_whole() -> None:
    parts = three()
    bases = [replace(each, result=replace(each.result, id=f"{each.result.id}.base")) for each in parts]
    new = replace(bases[2], result=replace(bases[2].result, cells=(), plan_cells=(), images={}))  # only the head has it
    head = merge(parts).result

    base = merge_bases([bases[1], new, bases[0]], head)

    assert base.id == f"{head.id}.base"
    assert base.plan_cells == (*IDS[:2], *IDS[3:])
    assert [cell.cell.id for cell in base.cells] == list(base.plan_cells)
    assert base.complete


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("memcap run --shard 1/3 -o 1.json", "memcap run"),
        ("memcap run --shard=1/3 --output=1.json -j2 -C here agents", "memcap run agents"),
        ("memcap run -o1.json -j 2 --force --json -v --report html=x.html", "memcap run"),
        ("memcap run --within 5min --image py312 --durations d.json", "memcap run --image py312"),
        (
            "memcap run -p full --base-ref HEAD^1 --until-decided",
            "memcap run -p full --base-ref HEAD^1 --until-decided",
        ),
    ],
)
def test_options_of_one_job_are_no_part_of_the_command(words: str, kept: str) -> None:
    assert shared_words(words.split()) == tuple(kept.split())


def test_the_same_result_is_no_two_shards() -> None:
    result: CampaignResult = three()[0].result
    with pytest.raises(UsageError, match="more than once"):
        merge([NamedResult(name="a", result=result), NamedResult(name="b", result=result)])
