"""Names become parts of ids, containers and files, so that no name leads out of a folder."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.model.names import (
    CellName,
    cell_name,
    is_campaign_id,
    is_stored_name,
    is_stored_variant,
    name_complaint,
    new_campaign_id,
    parse_cell_id,
    slug,
)

EVIL = ["../x", "/etc", "a/b", "a\\b", "..", ".", "", "a\0b", "nul", "com1", "a b", "a\n", "ä", "x" * 256, "A", "a-b"]


@pytest.mark.parametrize("name", EVIL)
def test_what_is_no_name(name: str) -> None:
    assert not is_stored_name(name)
    assert name_complaint(name)
    assert len(name_complaint(name)) < 150


@pytest.mark.parametrize("name", ["a", "128m", "crew_backed", "console", "com", "x" * 100])
def test_what_is_a_name(name: str) -> None:
    assert is_stored_name(name)
    assert name_complaint(name) == ""


def test_what_older_versions_stored_is_still_a_name() -> None:
    assert is_stored_name("_5g")
    assert is_stored_name("x" * 255)


@pytest.mark.parametrize(
    ("variant", "right"), [("", True), ("cold", True), ("20s.cold", True), ("a..b", False), ("../a", False)]
)
def test_variants(variant: str, *, right: bool) -> None:
    assert is_stored_variant(variant) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("20260101T020304-quick-1a2b", True),
        ("nightly", True),
        ("../../x", False),
        ("", False),
        ("a/b", False),
        ("a\0", False),
    ],
)
def test_ids_of_campaigns(text: str, *, right: bool) -> None:
    assert is_campaign_id(text) is right


@pytest.mark.parametrize(
    ("cell_id", "parts"),
    [
        ("agents.llm-py312-128m", ("agents", "llm", "", "py312", "128m")),
        ("agents.llm.cold.20s-py312-128m", ("agents", "llm", "cold.20s", "py312", "128m")),
        ("agents.llm-py312", None),
        ("agents-py312-128m", None),
        ("agents.-py312-128m", None),
        ("../../x.llm-py312-128m", None),
        ("agents.../x-py312-128m", None),
        ("agents.llm-py312-", None),
        ("", None),
    ],
)
def test_ids_of_cells(cell_id: str, parts: tuple[str, ...] | None) -> None:
    name = parse_cell_id(cell_id)
    assert (name and (name.suite, name.benchmark, name.variant, name.image, name.cap)) == parts


_NAMES = st.text("abc019_", min_size=1)


@given(_NAMES, _NAMES, st.lists(_NAMES), _NAMES, _NAMES)
def test_the_parts_of_an_id_are_those_that_it_was_made_of(
    suite: str, benchmark: str, variant: list[str], image: str, cap: str
) -> None:
    cell_id = f"{'.'.join((suite, benchmark, *variant))}-{image}-{cap}"
    expected = CellName(suite=suite, benchmark=benchmark, variant=".".join(variant), image=image, cap=cap)
    assert cell_name(cell_id) == expected
    assert expected.full_benchmark == f"{suite}.{benchmark}"


def test_what_should_be_an_id_and_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="'agents' is not the id of a cell"):
        cell_name("agents")


@given(st.text())
def test_no_name_leads_out_of_its_folder(text: str) -> None:
    if is_stored_name(text) or is_campaign_id(text):
        assert not {"/", "\\", "\0", "\n"} & set(text)
        assert text not in ("", ".", "..")


def test_ids_of_campaigns_sort_by_time_and_differ() -> None:
    first = datetime(2026, 11, 20, 4, 30, tzinfo=timezone.utc)
    ids = [new_campaign_id(first, "quick"), new_campaign_id(first + timedelta(seconds=1), "fit")]
    assert ids[0].startswith("20261120T043000-quick-")
    assert sorted(ids) == ids
    assert all(map(is_campaign_id, ids))
    assert len({new_campaign_id(first, "quick") for _ in range(3)}) > 1


@pytest.mark.parametrize(("text", "expected"), [("Shop/Prod:1.4", "shop_prod_1_4"), ("--Ä-", ""), ("a__b", "a_b")])
def test_a_slug_has_letters_and_digits_alone(text: str, expected: str) -> None:
    assert slug(text) == expected
    assert slug(text, "-") == expected.replace("_", "-")
