"""Which cells of two sides belong together."""

from __future__ import annotations

import pytest

from factories import make_cell, make_result
from memcap.comparing import Matched, match_forms, match_images, match_results
from memcap.errors import SelectionError


def ids(matched: Matched) -> list[tuple[str, str]]:
    return [(match.base.cell.id, match.against.cell.id) for match in matched.matches]


def test_two_images_of_one_result() -> None:
    names = ("a.x-py310-128m", "a.x-py312-128m", "a.y-py312-128m", "a.y-py310-128m", "a.z-py312-128m", "a.x-py311-128m")
    matched = match_images(make_result(*map(make_cell, names)), "py310", "py312")
    assert ids(matched) == [("a.x-py310-128m", "a.x-py312-128m"), ("a.y-py310-128m", "a.y-py312-128m")]
    assert [match.name for match in matched.matches] == ["a.x", "a.y"]
    assert matched.alone == ("a.z-py312-128m",)


def test_caps_are_named_where_a_benchmark_has_several() -> None:
    names = ("a.x-py310-1g", "a.x-py312-1g", "a.x-py310-2g", "a.x-py312-2g", "a.y-py310-1g", "a.y-py312-1g")
    matched = match_images(make_result(*map(make_cell, names)), "py310", "py312")
    assert [match.name for match in matched.matches] == ["a.x-1g", "a.x-2g", "a.y"]


def test_some_cells_only() -> None:
    result = make_result(*map(make_cell, ("a.x-py310-1g", "a.x-py312-1g", "a.y-py310-1g", "a.y-py312-1g")))
    matched = match_images(result, "py310", "py312", among={"a.y-py310-1g", "a.y-py312-1g"})
    assert [match.name for match in matched.matches] == ["a.y"]


def test_a_variant_is_another_benchmark() -> None:
    cold = make_cell("a.x.cold-py310-1g", benchmark="x", variant="cold")
    with pytest.raises(SelectionError, match="no benchmark in common"):
        match_results(make_result(cold), make_result(make_cell("a.x-py310-1g")))
    (match,) = match_results(make_result(cold), make_result(cold)).matches
    assert match.name == "a.x.cold"


def test_an_image_that_the_result_lacks() -> None:
    with pytest.raises(SelectionError, match="no image 'py314'") as caught:
        match_images(make_result(make_cell("a.x-py310-1g")), "py314", "py310")
    assert "It has: py310." in str(caught.value)


def test_two_results_are_matched_by_cell() -> None:
    base = make_result(*map(make_cell, ("a.x-py310-1g", "a.x-py312-1g", "a.y-py310-1g")))
    against = make_result(*map(make_cell, ("a.x-py312-1g", "a.x-py313-1g", "a.x-py310-1g")))
    matched = match_results(base, against)
    assert ids(matched) == [("a.x-py310-1g", "a.x-py310-1g"), ("a.x-py312-1g", "a.x-py312-1g")]
    assert [match.name for match in matched.matches] == ["a.x-py310-1g", "a.x-py312-1g"]
    assert matched.alone == ("a.y-py310-1g", "a.x-py313-1g")


def test_two_results_of_one_image_each_are_matched_without_it() -> None:
    base = make_result(*map(make_cell, ("a.x-py310-1g", "a.y-py310-1g")))
    against = make_result(*map(make_cell, ("a.y-py312-1g", "a.x-py312-1g")))
    assert ids(match_results(base, against)) == [("a.x-py310-1g", "a.x-py312-1g"), ("a.y-py310-1g", "a.y-py312-1g")]


def test_results_with_several_images_that_differ_have_nothing_in_common() -> None:
    base = make_result(*map(make_cell, ("a.x-py310-1g", "a.x-py311-1g")))
    against = make_result(*map(make_cell, ("a.x-py312-1g", "a.x-py313-1g")))
    with pytest.raises(SelectionError, match="no benchmark in common"):
        match_results(base, against)


def test_two_forms_of_benchmarks_of_one_result() -> None:
    names = (
        "a.x_before-py310-1g",
        "a.x_after-py310-1g",
        "a.y_z_after-py310-1g",
        "a.y_z_before-py310-1g",
        "a.other-py310-1g",
        "a.alone_before-py310-1g",
    )
    matched = match_forms(make_result(*map(make_cell, names)), "before", "after")
    assert ids(matched) == [
        ("a.x_before-py310-1g", "a.x_after-py310-1g"),
        ("a.y_z_before-py310-1g", "a.y_z_after-py310-1g"),
    ]
    assert [match.name for match in matched.matches] == ["a.x", "a.y_z"]
    assert matched.alone == ("a.alone_before-py310-1g",)


def test_forms_are_compared_on_the_same_image_and_cap_only() -> None:
    names = (
        "a.x_leaky-py310-1g",
        "a.x_fixed-py310-1g",
        "a.x_leaky-py312-1g",
        "a.x_fixed-py312-1g",
        "a.x_leaky-py312-2g",
    )
    matched = match_forms(make_result(*map(make_cell, names)), "leaky", "fixed")
    assert [match.name for match in matched.matches] == ["a.x-py310-1g", "a.x-py312-1g"]
    assert matched.alone == ("a.x_leaky-py312-2g",)


def test_a_form_whose_name_is_the_end_of_the_others() -> None:
    names = ("a.x_fixed-py310-1g", "a.x_half_fixed-py310-1g")
    matched = match_forms(make_result(*map(make_cell, names)), "half_fixed", "fixed")
    assert ids(matched) == [("a.x_half_fixed-py310-1g", "a.x_fixed-py310-1g")]


def test_forms_that_no_benchmark_has() -> None:
    with pytest.raises(SelectionError, match="no benchmark in common"):
        match_forms(make_result(make_cell("a.x_before-py310-1g")), "before", "after")
