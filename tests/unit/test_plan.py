"""The plan: which cells, in which order, and what is said when a selection selects nothing."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.errors import SelectionError
from memcap.model import (
    Benchmark,
    Budget,
    CallWorkload,
    Cap,
    CommandWorkload,
    Config,
    ContainerPolicy,
    ImageSource,
    Metric,
    Plan,
    Profile,
    Rules,
    Suite,
)
from memcap.plan import Selection, make_plan
from memcap.references import image_by_word

MIB = 1024**2
CAPS = {name: Cap(name=name, bytes=size * MIB) for name, size in (("1g", 1024), ("128m", 128), ("512m", 512))}


def benchmark(suite: str, name: str, *, caps: tuple[str, ...] = (), tags: tuple[str, ...] = ()) -> Benchmark:
    return Benchmark(suite=suite, name=name, workload=CommandWorkload(argv=("true",)), cap_names=caps, tags=tags)


def suite(name: str, *benchmarks: Benchmark) -> Suite:
    return Suite(name=name, directory=Path(name), description="", benchmarks=benchmarks)


CONFIG = Config(
    root=Path(),
    caps=CAPS,
    profiles={
        "quick": Profile(name="quick", images=("py310", "py312"), caps=("128m", "512m"), tags=("quick",), runs=3),
        "full": Profile(name="full", runs=10, warmups=2),
        "agents": Profile(name="agents", suites=("agents",), caps=("1g",)),
    },
    rules=Rules(minimum_runs=3),
    suites={
        "agents": suite(
            "agents",
            benchmark("agents", "zeta", caps=("512m", "128m"), tags=("quick",)),
            benchmark("agents", "crew", caps=("1g",), tags=("slow",)),
        ),
        "streams": suite("streams", benchmark("streams", "leak", tags=("quick", "slow"))),
    },
    images={name: ImageSource(name=name, directory=Path(name)) for name in ("py310", "py312", "mine")},
    policy=ContainerPolicy(),
    run_time_limit_seconds=60,
)


EVERYTHING = Selection()


def plan(profile: str = "quick", selection: Selection = EVERYTHING, *, config: Config = CONFIG) -> Plan:
    return make_plan(config, profile=profile, selection=selection)


def ids(profile: str = "quick", selection: Selection = EVERYTHING) -> list[str]:
    return [cell.id for cell in plan(profile, selection).cells]


def test_a_profile_in_order_of_suite_benchmark_cap_and_then_image() -> None:
    assert ids() == [
        "agents.zeta-py310-128m",
        "agents.zeta-py312-128m",
        "agents.zeta-py310-512m",
        "agents.zeta-py312-512m",
        "streams.leak-py310-128m",
        "streams.leak-py312-128m",
        "streams.leak-py310-512m",
        "streams.leak-py312-512m",
    ]


def test_a_profile_without_lists_means_all() -> None:
    found = ids("full")
    assert {name.split("-")[1] for name in found} == {"py310", "py312", "mine"}
    assert {name.split("-")[0] for name in found} == {"agents.zeta", "agents.crew", "streams.leak"}


def test_runs_and_warmups_are_the_profiles_unless_selected() -> None:
    assert (plan("full").runs, plan("full").warmups) == (10, 2)
    chosen = plan("full", Selection(runs=1, warmups=0))
    assert (chosen.runs, chosen.warmups) == (1, 0)


@pytest.mark.parametrize(
    ("limit", "margin", "cap"), [(None, 0, "128m"), (200, 0, "512m"), (500, 0.2, "1g"), (9999, 0, "1g")]
)
def test_without_any_caps_a_benchmark_gets_the_smallest_that_holds_its_budget(
    limit: int | None, margin: float, cap: str
) -> None:
    budget = None if limit is None else Budget(metric=Metric.PEAK, limit_bytes=limit * MIB, margin=margin)
    config = replace(CONFIG, suites={"s": suite("s", replace(benchmark("s", "b"), budget=budget))})
    assert {cell.cap.name for cell in plan("full", config=config).cells} == {cap}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(suites=("streams",), images=("py312",), caps=("128m",)), ["streams.leak-py312-128m"]),
        (Selection(suites=("agents",), images=("py312",)), ["agents.zeta-py312-128m", "agents.zeta-py312-512m"]),
        # What is named may be outside the profile: an image, a benchmark without its tags, a cap.
        (Selection(benchmarks=("streams.leak",), images=("mine",), caps=("1g",)), ["streams.leak-mine-1g"]),
        (Selection(benchmarks=("crew",), images=("py310",), caps=("1g",)), ["agents.crew-py310-1g"]),
        (Selection(tags=("slow",), images=("py310",), caps=("1g",)), ["agents.crew-py310-1g", "streams.leak-py310-1g"]),
        (Selection(cells=("agents.crew-mine-1g",)), ["agents.crew-mine-1g"]),
        # Globs choose among the profile's cells; words add up.
        (Selection(cells=("*-py310-128m",)), ["agents.zeta-py310-128m", "streams.leak-py310-128m"]),
        (
            Selection(cells=("streams.*-py310-*", "agents.crew-mine-1g")),
            ["agents.crew-mine-1g", "streams.leak-py310-128m", "streams.leak-py310-512m"],
        ),
        (
            Selection(suites=("agents",), cells=("streams.*",), images=("py310",), caps=("128m",)),
            ["agents.zeta-py310-128m", "streams.leak-py310-128m"],
        ),
        (
            Selection(suites=("agents",), benchmarks=("agents.zeta",), images=("mine",), caps=("128m",)),
            ["agents.zeta-mine-128m"],
        ),
        (
            Selection(cells=("agents.zeta-py310-128m", "agents.zeta-py310-512m"), caps=("512m",)),
            ["agents.zeta-py310-512m"],
        ),
    ],
)
def test_selections(selection: Selection, expected: list[str]) -> None:
    assert ids(selection=selection) == expected


@pytest.mark.parametrize(
    ("selection", "message", "remedy"),
    [
        (Selection(suites=("agent",)), "there is no suite 'agent'", "Did you mean agents"),
        (Selection(suites=("leak",)), "there is no suite 'leak'", "streams.leak"),
        (Selection(suites=("xyzzy",)), "there is no suite 'xyzzy'", "There is: agents, streams."),
        (Selection(benchmarks=("agents.crow",)), "there is no benchmark 'agents.crow'", "Did you mean agents.crew"),
        (Selection(images=("py31",)), "there is no image 'py31'", "Did you mean py312 or py310?"),
        (Selection(images=("redis",)), "there is no image 'redis'", "such as python:3.12-slim"),
        (Selection(caps=("128mb",)), "there is no cap '128mb'", "Did you mean 128m "),
        (Selection(caps=("xyzzy",)), "there is no cap 'xyzzy'", "There is: 1g, 128m, 512m."),
        (Selection(tags=("quik",)), "there is no tag 'quik'", "Did you mean quick?"),
        (Selection(cells=("agents.zeta-py310-129m",)), "there is no cell", "agents.zeta-py310-128m"),
        (Selection(cells=("agents.zeta-py310-1g",)), "there is no cell", "agents.zeta-py310-"),
        (Selection(cells=("*-py999-*",)), "no cell of the profile matches '*-py999-*'", "agents.zeta-py310-128m"),
        (Selection(suites=("agents",), caps=("1g",)), "no cells", "declare the caps 128m, 512m in suite.toml"),
        (Selection(suites=("agents",), cells=("nope-*",)), "no cell of the profile matches", ""),
        (Selection(cells=("agents.crew-mine-1g",), images=("py310",)), "no cells", "drop --image"),
        (Selection(benchmarks=("agents.zeta",), tags=("slow",)), "no cells", "carries the tag slow"),
        (Selection(images=("a/b:1", "a_b:1")), "same name in cell ids", ""),
    ],
)
def test_what_selects_nothing_is_an_error_with_the_nearest_names(
    selection: Selection, message: str, remedy: str
) -> None:
    with pytest.raises(SelectionError) as caught:
        plan(selection=selection)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_an_unknown_profile() -> None:
    with pytest.raises(SelectionError, match="there is no profile 'quack'\n  Did you mean quick"):
        plan("quack")


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"suites": {}}, "The project has no suites"),
        ({"images": {}}, "The project has no images"),
        ({"profiles": {"quick": Profile(name="quick", tags=("nightly",))}}, "carries the tag nightly"),
        (
            {"profiles": {"quick": Profile(name="quick", suites=("agents",), tags=("slow",), caps=("128m",))}},
            "caps 1g in",
        ),
    ],
)
def test_an_empty_plan_says_why(changes: dict[str, object], remedy: str) -> None:
    with pytest.raises(SelectionError, match="this selection has no cells") as caught:
        plan(config=replace(CONFIG, **changes))  # type: ignore[arg-type]
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("reference", ["x" * 300, "my/" + "x" * 300 + ":1", "", "@", "ä"])
def test_what_is_no_reference_is_refused_before_any_daemon_is_asked(reference: str) -> None:
    with pytest.raises(SelectionError, match="names no image") as caught:
        image_by_word(reference)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("my/prod:1.4", "my_prod"),
        ("Registry.example:5000/a-b", "registry_example_5000_a_b"),
        ("redis@sha256:" + "0123456789abcdef" * 4, "redis"),
    ],
)
def test_an_image_may_be_any_reference(reference: str, name: str) -> None:
    assert image_by_word(reference) == ImageSource(name=name, reference=reference)
    assert ids(selection=Selection(suites=("streams",), images=(reference,), caps=("1g",))) == [
        f"streams.leak-{name}-1g"
    ]


def test_a_name_binds_a_reference_and_ids_of_such_cells_are_taken() -> None:
    bound = Selection(suites=("streams",), images=("prod=shop/prod:1.1",), caps=("1g",))
    assert ids(selection=bound) == ["streams.leak-prod-1g"]
    by_id = plan(selection=Selection(cells=("streams.leak-prod-1g",), images=("prod=shop/prod:1.1",)))
    assert [cell.image.reference for cell in by_id.cells] == ["shop/prod:1.1"]
    seen = Selection(cells=("streams.leak-prod-1g",), seen={"prod": ImageSource(name="prod", reference="shop/prod:1")})
    assert [cell.image.reference for cell in plan(selection=seen).cells] == ["shop/prod:1"]


names = st.lists(st.sampled_from(["agents", "streams"]), unique=True).map(tuple)
images = st.lists(st.sampled_from(["py310", "py312", "mine", "x:1"]), unique=True).map(tuple)
caps = st.lists(st.sampled_from(sorted(CAPS)), unique=True).map(tuple)
globs = st.lists(st.sampled_from(["*", "agents.*", "*-py310-*", "*-128m", "streams.leak-py312-512m"])).map(tuple)


@given(st.sampled_from(sorted(CONFIG.profiles)), names, images, caps, globs)
def test_any_plan_is_ordered_without_repetition_and_within_the_selection(
    profile: str, suites: tuple[str, ...], images: tuple[str, ...], caps: tuple[str, ...], cells: tuple[str, ...]
) -> None:
    try:
        found = plan(profile, Selection(suites=suites, images=images, caps=caps, cells=cells))
    except SelectionError:
        return
    assert len({cell.id for cell in found.cells}) == len(found.cells)
    places = [(cell.benchmark.suite, cell.benchmark.name, cell.cap.bytes) for cell in found.cells]
    assert [place for place, after in zip(places, [*places[1:], None], strict=True) if place != after] == list(
        dict.fromkeys(places)
    ), "the images of one benchmark and cap are neighbours"
    for cell in found.cells:
        assert not caps or cell.cap.name in caps
        assert not images or (cell.image.reference or cell.image.name) in images
        assert not cell.benchmark.cap_names or cell.cap.name in cell.benchmark.cap_names
        if suites or cells:
            assert cell.benchmark.suite in suites or any(fnmatchcase(cell.id, glob) for glob in cells)


def test_cold_cells_are_other_cells_without_warmups() -> None:
    cold = plan("full", Selection(cold=True))
    assert (cold.runs, cold.warmups) == (10, 0)
    assert [cell.id for cell in cold.cells] == [name.replace("-", ".cold-", 1) for name in ids("full")], (
        "the same cells in the same order"
    )


@pytest.mark.parametrize("word", ["agents.zeta-py310-128m", "agents.zeta.cold-py310-128m", "agents.zeta.cold-py310-1*"])
def test_a_cold_cell_is_named_with_or_without_its_mark(word: str) -> None:
    assert ids("quick", Selection(cells=(word,), cold=True)) == ["agents.zeta.cold-py310-128m"]


def test_an_id_says_itself_that_its_cell_is_cold() -> None:
    cold = plan("quick", Selection(cells=("agents.zeta.cold-py310-128m",)))
    assert [cell.id for cell in cold.cells] == ["agents.zeta.cold-py310-128m"]
    assert cold.warmups == 0
    with pytest.raises(SelectionError, match=r"differ in their variants: cold, none"):
        plan("quick", Selection(cells=("agents.zeta.cold-py310-128m", "agents.zeta-py310-128m")))


def lasting(duration: float | None = 300.0, cycles: int | None = None, limit: float | None = 420.0) -> Config:
    workload = CallWorkload(call="work:run", duration_seconds=duration, cycles=cycles)
    long = replace(benchmark("s", "long", caps=("128m",)), workload=workload, time_limit_seconds=limit)
    return replace(CONFIG, suites={"s": suite("s", long)})


@pytest.mark.parametrize(
    ("config", "seconds", "variant", "limit"),
    [
        (lasting(), 20.0, "20s", 140.0),
        (lasting(), 1.5, "1500ms", 121.5),
        (lasting(limit=60.0), 20.0, "20s", 80.0),  # a limit that ends the configured length leaves a shorter one alone
        (lasting(), 600.0, "600s", 720.0),
        (lasting(duration=None, cycles=10, limit=None), 90.0, "90s", 150.0),
    ],
)
def test_a_duration_takes_the_place_of_the_configured_length_in_cells_of_their_own(
    config: Config, seconds: float, variant: str, limit: float
) -> None:
    found = plan("full", Selection(images=("py312",), duration_seconds=seconds), config=config)
    [cell] = found.cells
    assert cell.id == f"s.long.{variant}-py312-128m"
    assert cell.benchmark.workload == CallWorkload(call="work:run", duration_seconds=seconds)
    assert cell.benchmark.time_limit_seconds == limit, "what the time limit leaves beside the length stays the same"
    by_its_id = Selection(cells=(cell.id,), duration_seconds=seconds)
    assert plan("full", by_its_id, config=config).cells == (cell,)


@pytest.mark.parametrize("config", [CONFIG, lasting(duration=None)], ids=["commands", "functions"])
def test_a_duration_of_workloads_that_have_none_is_refused(config: Config) -> None:
    with pytest.raises(SelectionError, match="has no duration") as refused:
        plan("full", Selection(duration_seconds=20.0), config=config)
    assert "generator workloads" in refused.value.remedy


def test_an_id_says_itself_how_long_its_cell_lasts_and_none_is_cold_too() -> None:
    [cell] = plan("full", Selection(cells=("s.long.20s-py312-128m",)), config=lasting()).cells
    assert cell.benchmark.workload == CallWorkload(call="work:run", duration_seconds=20)
    with pytest.raises(SelectionError, match="--cold does not go with --duration"):
        plan("full", Selection(cold=True, duration_seconds=20.0), config=lasting())


@pytest.mark.parametrize(
    ("cell_id", "words"),
    [
        ("measure.python-py312-128m", "name IMAGE -- CMD instead"),
        ("s.long-py312.base-128m", "name the cell without it"),
    ],
)
def test_an_id_of_something_else_is_explained(cell_id: str, words: str) -> None:
    with pytest.raises(SelectionError) as refused:
        plan("full", Selection(cells=(cell_id,)))
    assert words in refused.value.remedy
