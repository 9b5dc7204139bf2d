"""The verdict on programs that really ran (`leaks.record`): what is known of each is in its recipe."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaks.recipes import Recipe, load_recipes
from leaks.recorded import FOLDER, Made, Recorded, as_text, from_text, load, packed, recorded_names, unpacked
from leaks.table import DOCUMENT, in_document, rate_of

from memcap.leaks import Collection, Garbage, LeakVerdict, Series, judge_series

RECIPES = load_recipes()
KNOWN = [recipe for recipe in RECIPES.values() if recipe.is_known]
MOST_BYTES = 7 * 1024


def known() -> list[object]:
    """Return the recipes with a known truth; what the judge is known to get wrong must go on to be wrong."""
    return [
        pytest.param(
            recipe, id=recipe.name, marks=[pytest.mark.xfail(reason=recipe.fault, strict=True)] if recipe.fault else []
        )
        for recipe in KNOWN
    ]


@cache
def verdict_on(name: str) -> LeakVerdict:
    return load(name).verdict


@pytest.mark.parametrize("recipe", known())
def test_each_program_is_called_what_it_is(recipe: Recipe) -> None:
    verdict = verdict_on(recipe.name)

    assert verdict.kind in recipe.classes


@pytest.mark.parametrize("recipe", KNOWN, ids=lambda recipe: recipe.name)
def test_the_rate_of_a_leak_is_never_wrong(recipe: Recipe) -> None:
    verdict = verdict_on(recipe.name)
    rate, by = rate_of(verdict)

    if recipe.rate is None or not verdict.leak:
        return
    assert rate is not None
    assert (by == "hour") == (recipe.by == "hour")
    assert rate.low * (1 - recipe.within) <= recipe.rate <= rate.high * (1 + recipe.within)
    assert rate.estimate == pytest.approx(recipe.rate, rel=0.05)


def test_no_program_is_called_a_leak_that_is_none() -> None:
    called = {recipe.name for recipe in KNOWN if recipe.truth == "no leak" and verdict_on(recipe.name).leak}

    assert called == set()


def test_what_the_soak_knew_of_garbage_changes_the_verdict_on_garbage_alone() -> None:
    known = {name: each for name in RECIPES if (each := load(name)).garbage is not None}
    changed = {name for name, each in known.items() if judge_series(each.series) != each.verdict}

    assert changed == {"jinja_bounded", "jinja_bounded_long"}
    assert {"garbage", "jinja_unbounded", "leak", "leak_cycles", "marshmallow", "soup", "sqlalchemy_kept"} < set(known)
    assert all(judge_series(known[name].series).leak for name in changed), "memory alone cannot tell them from a leak"


@pytest.mark.parametrize("every", [4, 8])
@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.group == "earlier"])
def test_four_looks_a_second_are_more_than_enough(name: str, every: int) -> None:
    series = load(name).series

    verdict = judge_series(Series(seconds=series.seconds[::every], values=series.values[::every]))

    assert verdict.kind in RECIPES[name].classes


def test_what_may_be_said_fits_the_truth() -> None:
    for recipe in KNOWN:
        assert recipe.classes, recipe.name
        assert recipe.truth == "leak" or not any(each.leak for each in recipe.classes), recipe.name
    assert {recipe.truth for recipe in RECIPES.values()} == {"leak", "no leak", "unknown"}


def test_every_recipe_is_recorded_and_every_series_has_a_recipe() -> None:
    assert recorded_names() == sorted(RECIPES)
    assert len(recorded_names()) >= 40 + 11


def test_programs_completed_and_their_files_are_small() -> None:
    made = {name: load(name).made for name in RECIPES}

    assert {name: each.ending for name, each in made.items() if each.ending not in (None, "completed")} == {}
    assert {path.name for path in FOLDER.glob("*.json") if path.stat().st_size > MOST_BYTES} == set()


def test_the_table_of_the_document_is_as_the_judge_says_now() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert in_document(text) == text, "python -m leaks.table --write"


@given(st.lists(st.integers(-(10**12), 10**12)))
def test_numbers_are_packed_without_loss(numbers: list[int]) -> None:
    assert unpacked(packed(numbers)) == numbers


@given(
    points=st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**12), st.integers(0, 10**9)), max_size=200),
    counted=st.booleans(),
    garbage=st.none()
    | st.builds(
        Garbage,
        counts=st.lists(st.tuples(st.integers(0, 10**8).map(lambda each: each / 1000), st.integers(0, 10**9))),
        collections=st.lists(st.builds(Collection, seconds=st.floats(0, 10**5), objects=st.integers(0, 10**9))),
        freed_objects=st.integers(0, 10**9),
        freed_bytes=st.none() | st.integers(0, 10**12),
    ),
)
def test_a_series_is_stored_without_loss(
    points: list[tuple[int, int, int]], counted: bool, garbage: Garbage | None
) -> None:
    seconds = sorted(each for each, _, _ in points)
    work = sorted(each for _, _, each in points)
    series = Series(
        seconds=[each / 1000 for each in seconds],
        values=[each for _, each, _ in points],
        work=work if counted else None,
    )
    recorded = Recorded(
        made=Made(command="memcap soak x", date="2026-11-30", packages=("numpy==2.2.6",)),
        series=series,
        garbage=garbage,
    )

    assert from_text(as_text(recorded)) == recorded
