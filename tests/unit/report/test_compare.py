"""Comparisons as people and machines read them; the golden files are what they look like."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from compared import compared, make_runs_of, two_images
from hypothesis import given
from hypothesis import strategies as st

from factories import make_cell, make_oom, make_result, make_runs
from memcap.comparing import compare_sides, match_results
from memcap.model import CampaignResult, Caveat, CaveatKind, Measurement, Rules
from memcap.report.compare import compare_document
from memcap.report.compare_json import render_comparison_json
from memcap.report.compare_view import ComparisonView, build_comparison_view, in_mib
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.units import parse_bytes

GOLDEN = Callable[[str, str], None]
LESS = make_runs_of(workload=17, interpreter=3.5)
MORE = make_runs_of(workload=25)
SAME = make_runs_of()
UNSURE = make_runs_of(workload=20.27)


def render_comparison(view: ComparisonView, *, width: int = 80, verbose: bool = False) -> str:
    return to_terminal(compare_document(view, verbose=verbose), Terminal(width=width, verbose=verbose))


def render_comparison_markdown(view: ComparisonView) -> str:
    return to_markdown(compare_document(view))


def _view(result: CampaignResult, rules: Rules | None = None) -> ComparisonView:
    found = compared(result, rules)
    return build_comparison_view(found, (result, result), exit_code=found.exit_code)


def _mixed() -> CampaignResult:
    doubt = Caveat(kind=CaveatKind.NOISY_NEIGHBOUR, detail="the machine's load was 8.7 on 2 CPUs")
    result = two_images(
        crew_backed=(SAME, LESS),
        adaptive_adversary=(SAME, make_runs_of(workload=16, slack=4)),
        llm=(tuple(replace(run, caveats=(doubt,)) for run in SAME), MORE),
        base=(SAME, SAME),
        rlm=(SAME, make_runs_of(workload=20, imports=1.5)),
        ldt=(SAME, make_runs_of(workload=19)),
        audit=(SAME, UNSURE),
        command=(make_runs([62.5] * 7), make_runs([60.5] * 7)),
        twin=(SAME, [make_oom()] * 7),
    )
    alone = make_cell("agents.alone-py310-128m", SAME)
    return replace(result, cells=(*result.cells, alone))


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal(golden: GOLDEN, width: int) -> None:
    text = render_comparison(_view(_mixed()), width=width)
    assert max(map(len, text.splitlines())) <= width
    golden(f"report/compare-{width}.txt", text)


def test_long_names_are_shortened_rather_than_the_interval_left_out() -> None:
    names = {"a_process_pool_of_many_workers": (SAME, LESS), "a_thread_pool_of_a_hundred": (SAME, SAME)}
    lines = render_comparison(_view(two_images(**names)), width=80).splitlines()
    assert any("99 %" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_verbose_tells_every_figure(golden: GOLDEN) -> None:
    text = render_comparison(_view(two_images(x=(SAME, LESS))), width=100, verbose=True)
    golden("report/compare-verbose.txt", text)


def _with_extras() -> CampaignResult:
    slow, quick = (
        tuple(replace(run, extra={"gc_ms": base + step, "entries": 1000}) for step, run in enumerate(SAME))
        for base in (160, 20)
    )
    result = two_images(x=(slow, quick))
    units = {"gc_ms": "ms", "entries": "entries", "never": "ms"}
    cells = tuple(replace(cell, cell=replace(cell.cell, extra_metrics=units)) for cell in result.cells)
    return replace(result, cells=cells)


def test_a_workloads_own_metrics_are_told_with_their_interval() -> None:
    text = render_comparison(_view(_with_extras()), width=100, verbose=True)
    assert "  gc_ms: 163 -> 23 ms, -140 (-85.9%), -144 to -136; not judged" in text
    assert "  entries: 1000 -> 1000 entries, +0 (+0.0%), +0 to +0; not judged" in text
    assert "never" not in text
    (found,) = json.loads(render_comparison_json(_view(_with_extras())))["benchmarks"]
    assert found["extra"]["gc_ms"]["shift"]["estimate"] == -140


def test_markdown(golden: GOLDEN) -> None:
    golden("report/compare.md", render_comparison_markdown(_view(_mixed())))


def test_json(golden: GOLDEN) -> None:
    text = render_comparison_json(_view(two_images(x=(SAME, LESS), twin=(SAME, [make_oom()] * 7))))
    document = json.loads(text)
    of = {each["name"]: each for each in document["benchmarks"]}
    assert of["agents.x"]["parts"]["workload"]["verdict"] == "less"
    assert (of["agents.twin"]["verdict"], of["agents.twin"]["metrics"]) == ("unexpected ending", {})
    golden("report/compare.json", text)


Sides = tuple[Sequence[Measurement], Sequence[Measurement]]


@pytest.mark.parametrize(
    ("benchmarks", "answer"),
    [
        (
            {"a": (SAME, LESS)},
            "py312 needs 2.5 MiB (10%) less than py310 in agents.a; 1 less (unreclaimable_peak)",
        ),
        (
            {"a": (SAME, LESS), "b": (SAME, LESS), "c": (SAME, MORE)},
            (
                "py312 needs 2.5 MiB (10%) less than py310 at the median of 3 benchmarks; 2 less, 1 more "
                "(unreclaimable_peak)"
            ),
        ),
        (
            {"a": (SAME, MORE), "b": (SAME, MORE), "c": (SAME, SAME)},
            (
                "py312 needs 5.0 MiB (20%) more than py310 at the median of 3 benchmarks; 2 more, 1 unchanged "
                "(unreclaimable_peak)"
            ),
        ),
        (
            {"a": (SAME, SAME), "b": (SAME, SAME), "c": (SAME, MORE)},
            (
                "py312 needs as much as py310, within the tolerance, at the median of 3 benchmarks; 1 more, "
                "2 unchanged (unreclaimable_peak)"
            ),
        ),
        (
            {"a": (SAME, LESS), "b": (SAME, MORE)},
            (
                "Neither py312 nor py310 needs less in most benchmarks: +1.2 MiB at the median of 2 benchmarks; "
                "1 less, 1 more (unreclaimable_peak)"
            ),
        ),
        (
            {"a": (SAME, SAME), "b": (SAME, UNSURE)},
            (
                "Undecided: the figures do not tell whether py312 needs more or less than py310 at the median of 2 "
                "benchmarks; 1 unchanged, 1 undecided (unreclaimable_peak)"
            ),
        ),
        (
            {"a": (SAME[:2], MORE[:2])},
            (
                "Undecided: the figures do not tell whether py312 needs more or less than py310 in agents.a; "
                "1 too few runs (unreclaimable_peak)"
            ),
        ),
    ],
)
def test_the_answer_claims_what_most_benchmarks_say(benchmarks: dict[str, Sides], answer: str) -> None:
    assert _view(two_images(**benchmarks)).answer == answer


def test_no_answer_is_said_with_its_reason() -> None:
    view = _view(two_images(twin=(SAME, [make_oom()] * 7)))
    assert view.answer.startswith("py310 and py312 could not be compared: py312: in all 7 runs the kernel killed")
    assert view.exit_code == 97


def test_other_machines_are_no_answer() -> None:
    base, against = make_result(), make_result(metrics_version=99)
    found = compare_sides(match_results(base, against), (base, against), Rules(), labels=("A", "B"))
    view = build_comparison_view(found, (base, against), exit_code=0)
    assert view.answer == "A and B cannot be compared: metrics version: 2 and 99"
    text = render_comparison(view)
    assert "incomparable" in text
    assert max(map(len, text.splitlines())) <= 80


def test_where_it_comes_from_is_said_where_it_is_known() -> None:
    assert _view(two_images(a=(SAME, LESS))).where == (
        "Of that: interpreter +512.0 KiB, imports 0 B, workload -3.0 MiB. Kept after the workload (slack): 0 B"
    )
    view = _view(two_images(a=(make_runs([60] * 5), make_runs([70] * 5))))
    assert view.where == ""
    (note,) = view.notes
    assert note.startswith("Without the parts (interpreter, imports, workload, slack): commands")


def test_an_interval_that_does_not_decide_is_explained() -> None:
    near = dict.fromkeys(("a", "b", "c", "d"), (SAME[:5], UNSURE[:5]))
    text = render_comparison(_view(two_images(**near, z=(SAME[:5], make_runs_of(workload=22)[:5]))))
    assert (
        "agents.z: unreclaimable_peak is beyond tolerance by itself, but that is not certain among 7 open comparisons "
        "(tolerance 256.0 KiB)."
    ) in " ".join(text.split())


def test_more_runs_are_the_next_step_where_something_is_open() -> None:
    assert _view(two_images(a=(SAME, LESS))).next_step == ""
    assert _view(two_images(a=(SAME, UNSURE))).next_step == "measure with more runs to decide the rest: --runs 14"


def test_the_largest_change_comes_first() -> None:
    view = _view(_mixed())
    assert [pair.name.removeprefix("agents.") for pair in view.pairs] == [
        "llm", "adaptive_adversary", "crew_backed", "ldt", "command", "rlm", "audit", "base"
    ]  # fmt: skip
    assert [pair.name for pair in view.untold] == ["agents.twin"]


def test_doubts_that_can_change_a_verdict_are_told_in_full_and_the_others_in_one_line() -> None:
    def doubtful(runs: Sequence[Measurement], *kinds: CaveatKind) -> list[Measurement]:
        return [replace(run, caveats=tuple(Caveat(kind=kind, detail=f"{number}.5 MiB of it") for kind in kinds))
                for number, run in enumerate(runs)]  # fmt: skip

    swapped = doubtful(SAME, CaveatKind.SWAP_USED, CaveatKind.MUTABLE_TAG)
    view = _view(two_images(a=(SAME, swapped), b=(SAME, doubtful(SAME, CaveatKind.MUTABLE_TAG))))
    short, long = (" ".join(render_comparison(view, verbose=verbose).split()) for verbose in (False, True))
    markdown = render_comparison_markdown(view)

    told = "0.5–6.5 MiB of it"  # noqa: RUF001
    where, remedy = "(agents.a, in 7 of 28 runs)", CaveatKind.SWAP_USED.remedy
    assert f"caveat swap used {where} {told} -> {remedy} 1 more caveat: mutable tag; see --verbose" in short
    assert "caveat mutable tag (all benchmarks, in 14 of 28 runs) 0.5–6.5 MiB of it -> Refer" in long  # noqa: RUF001
    assert f"- ⚠️ caveat swap used {where}: {told}. {remedy}" in markdown
    assert "<summary>1 more caveat: mutable tag</summary>" in markdown
    assert [(each["kind"], each["decides"], each["runs"]) for each in
            json.loads(render_comparison_json(view))["caveats"]] == [
        ("swap_used", True, 7), ("mutable_tag", False, 14),
    ]  # fmt: skip


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_hostile_names_are_shown_and_not_obeyed(name: str, detail: str) -> None:
    result = two_images(
        a=(SAME, tuple(replace(run, caveats=(Caveat(kind=CaveatKind.SAMPLED_ONLY, detail=detail),)) for run in LESS))
    )
    cells = tuple(replace(cell, cell=replace(cell.cell, benchmark=name)) for cell in result.cells)
    view = _view(replace(result, cells=cells))
    for text in (render_comparison(view, verbose=True), render_comparison_json(view)):
        assert all(character.isprintable() or character == "\n" for character in text)
    markdown = render_comparison_markdown(view)
    assert all(character.isprintable() or character == "\n" for character in markdown)
    tables = [part for part in markdown.split("\n\n") if part.startswith("| ")]
    assert len(tables) == 3
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, "no name makes a column"


@pytest.mark.parametrize(
    ("change", "text"), [(-1, "0.00"), (0, "0.00"), (parse_bytes("1m") // 4, "+0.25"), (-(10**6), "-0.95")]
)
def test_mib_with_a_sign(change: int, text: str) -> None:
    assert in_mib(change) == text
