"""Two revisions side by side: what the base has of a plan, the plan of both, and the result of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factories import make_cell, make_image, make_layer, make_plan_cell, make_result, make_settings
from memcap.campaign import Campaign
from memcap.config import load_config
from memcap.engine.fake import FakeEngine
from memcap.model import COLD, CallWorkload, Config, ContainerPolicy, ImageSource, Quiet
from memcap.plan import Selection, make_plan
from memcap.revision import base_of, in_base, side_by_side, split, with_base_layers

LIMITS = '[caps]\n64m = "64m"\n128m = "128m"\n[profiles.quick]\nruns = 3\n'
EVERYTHING = Selection()


def project(folder: Path, *, suite: str, images: tuple[str, ...] = ("py312",), limits: str = LIMITS) -> Config:
    for name, text in {
        "limits.toml": limits,
        "suites/demo/suite.toml": suite,
        "suites/demo/work.py": "def f(mib=1):\n    pass\n",
        **{f"images/{name}/Dockerfile": "FROM scratch\n" for name in images},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return load_config(folder)


def benchmark(name: str, *lines: str) -> str:
    return "\n".join((f"[benchmarks.{name}]", 'call = "work:f"', *lines, ""))


def test_the_base_has_its_own_code_and_images_under_the_heads_caps_and_quiet(tmp_path: Path) -> None:
    head = project(
        tmp_path / "head",
        suite=benchmark(
            "f", "parameters = { mib = 2 }", 'caps = ["64m"]', "quiet = { pin_cpus = 1 }", "container = { pids = 9 }"
        )
        + benchmark("young", 'caps = ["64m"]'),
        images=("py312", "py313"),
    )
    there = project(
        tmp_path / "base",
        suite=benchmark("f", "parameters = { mib = 1 }", 'caps = ["128m"]', 'time_limit = "7s"')
        + benchmark("old", 'caps = ["64m"]'),
        limits=LIMITS.replace('"64m"', '"65m"'),
    )
    plan = make_plan(head, profile="quick", selection=EVERYTHING)

    base = base_of(plan, head, there, selection=EVERYTHING, images={})

    (cell,) = base.plan.cells
    assert cell.id == "demo.f-py312-64m"
    assert cell.cap == head.caps["64m"]
    assert cell.benchmark.quiet == Quiet(pin_cpus=1)
    assert cell.benchmark.policy == ContainerPolicy(pids=9)
    assert isinstance(cell.benchmark.workload, CallWorkload)
    assert cell.benchmark.workload.parameters == {"mib": 1}
    assert cell.benchmark.time_limit_seconds == 7
    assert cell.image.directory == there.root / "images" / "py312"
    assert base.suites["demo"].directory == there.root / "suites" / "demo"
    assert base.new == ("demo.f-py313-64m", "demo.young-py312-64m", "demo.young-py313-64m")
    # Its suite.toml ran f under 128m; the head does not.
    assert base.gone == ("demo.f-py312-128m", "demo.old-py312-64m")


def test_where_the_base_has_no_project_everything_is_new(tmp_path: Path) -> None:
    head = project(tmp_path, suite=benchmark("f", 'caps = ["64m"]'))
    plan = make_plan(head, profile="quick", selection=EVERYTHING)
    base = base_of(plan, head, None, selection=EVERYTHING, images={})
    assert (base.plan.cells, base.new, base.gone) == ((), ("demo.f-py312-64m",), ())
    assert side_by_side(plan, base) == side_by_side(plan, None) == plan


def test_a_benchmark_that_was_named_and_is_new_is_no_mistake(tmp_path: Path) -> None:
    head = project(tmp_path / "head", suite=benchmark("young", 'caps = ["64m"]'))
    there = project(tmp_path / "base", suite=benchmark("old", 'caps = ["64m"]'))
    named = Selection(benchmarks=("demo.young",))
    base = base_of(make_plan(head, profile="quick", selection=named), head, there, selection=named, images={})
    assert (base.new, base.gone) == (("demo.young-py312-64m",), ())


@pytest.mark.parametrize("stands_in", [False, True])
def test_an_image_by_reference_is_the_same_unless_another_stands_in(tmp_path: Path, stands_in: bool) -> None:
    head = project(tmp_path / "head", suite=benchmark("f", 'caps = ["64m"]'))
    # A folder of the same name is another image.
    there = project(tmp_path / "base", suite=benchmark("f", 'caps = ["64m"]'), images=("py312", "shop"))
    named = Selection(images=("shop:new",))
    older = {"shop": ImageSource(name="shop_old", reference="shop:old")} if stands_in else {}
    plan = make_plan(head, profile="quick", selection=named)
    (cell,) = base_of(plan, head, there, selection=named, images=older).plan.cells
    assert cell.image == ImageSource(name="shop", reference="shop:old" if stands_in else "shop:new")


def test_head_and_base_are_neighbours_and_take_turns_in_going_first(tmp_path: Path) -> None:
    head = project(tmp_path, suite=benchmark("f", 'caps = ["64m"]'), images=("py312", "py313"))
    plan = make_plan(head, profile="quick", selection=Selection(runs=2, warmups=0))
    base = base_of(plan, head, head, selection=EVERYTHING, images={})
    both = side_by_side(plan, base)
    layers = {(image, "demo"): make_layer(image, "demo") for image in ("py312", "py313")}
    engine = FakeEngine({})

    campaign = Campaign(both, engine=engine, layers=with_base_layers(layers, layers), settings=make_settings())
    result = campaign.run(tell=lambda _: None, save=lambda _: None)

    ids = [spec.cell_id for spec in engine.runs[1:]]
    first = ["demo.f-py312-64m", "demo.f-py312.base-64m", "demo.f-py313-64m", "demo.f-py313.base-64m"]
    assert ids == [*first, *reversed(first)]
    assert {in_base(cell) for cell in plan.cells} == {name for name in first if ".base-" in name}
    assert [spec.image_id for spec in engine.runs[1:3]] == ["sha256:py312-demo"] * 2, "the same layer costs nothing"
    ours, older = split(result)
    assert [cell.cell.id for cell in ours.cells] == [cell.cell.id for cell in older.cells] == first[::2]
    assert [cell.cell.image for cell in older.cells] == ["py312", "py313"]
    assert ours.plan_cells == older.plan_cells == tuple(first[::2])
    assert (ours.id, older.id) == (result.id, f"{result.id}.base")
    assert ours.images == {name: make_image(name) for name in ("py312", "py313")} == older.images
    assert ours.fingerprint("py312") == older.fingerprint("py312")
    assert ours.complete
    assert older.complete


def test_images_that_differ_are_told_by_their_fingerprints() -> None:
    layers = with_base_layers({}, {("py312", "agents"): make_layer(digest="sha256:old")})
    assert layers["py312.base", "agents"].image == make_image("py312.base", digest="sha256:old", id="sha256:py312",
                                                              reference="memcap/py312:latest")  # fmt: skip
    images = {"py312": make_image(digest="sha256:new"), "py312.base": layers["py312.base", "agents"].image}
    ours, older = split(make_result(images=images))
    assert ours.fingerprint("py312").image_digest == "sha256:new"
    assert older.fingerprint("py312").image_digest == "sha256:old"
    assert set(older.images) == {"py312"}


def test_both_sides_have_the_same_services_and_load_client() -> None:
    head = {("py312", "web"): make_layer(), ("redis:7", ""): make_layer("redis:7", ""), ("", "client"): make_layer()}
    older = {
        ("py312", "web"): make_layer(digest="sha256:old"),
        ("redis:7", ""): make_layer("redis:7", "", digest="sha256:old"),
        ("redis:6", ""): make_layer("redis:6", ""),
        ("", "client"): make_layer("py310"),
    }
    layers = with_base_layers(head, older)
    assert set(layers) == {*head, ("py312.base", "web"), ("redis:6", "")}
    assert {name: layers[name] for name in head} == head


def test_a_benchmark_that_is_called_base_is_not_taken_for_one() -> None:
    whole = make_result(make_cell("agents.base-py312-128m"), make_cell("agents.base.cold-py312-128m"))
    ours, older = split(whole)
    assert ours == whole
    assert (older.cells, older.plan_cells, older.images) == ((), (), {})


def test_cold_cells_stay_cold_at_the_base() -> None:
    cell = replace(make_plan_cell(), variant=COLD)
    assert in_base(cell) == "agents.crew.cold-py312.base-128m"
    (ours, older) = split(make_result(make_cell(cell.id), make_cell(in_base(cell))))
    assert [each.cells[0].cell.id for each in (ours, older)] == [cell.id] * 2
