"""A reproduction as text, as JSON and as a page, also where names are hostile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from reproduced import make_escalated, make_flight, make_found, make_growing, make_killed, make_spared, make_stacks

from factories import make_measurement, make_site
from memcap.model import Ending, Frame
from memcap.report.repro import phases, repro_document, stack_text
from memcap.report.repro_json import repro_json
from memcap.report.text import sentence
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import to_terminal
from memcap.repro.conclusion import conclusion
from memcap.repro.reproduction import Attempt, Reproduction

MIB = 1024 * 1024
HOSTILE = "</pre><script>alert(1)</script>\x1b[2J\u202e"


def render_repro(found: Reproduction, *, top: int, where: str = "") -> str:
    return to_terminal(repro_document(found, top=top, where=where))


def page_of(found: Reproduction, files: Mapping[str, str]) -> str:
    return to_html(repro_document(found, top=5, files=files))


def readme(found: Reproduction, files: Mapping[str, str]) -> str:
    return to_markdown(repro_document(found, top=5, files=files))


def hostile() -> Reproduction:
    """Return a reproduction in which everything that a workload can name is hostile."""
    frame = Frame(file=f"/app/{HOSTILE}.py", line=1, function=HOSTILE)
    flight = make_flight(stacks=(make_stacks(frame),))
    site = replace(make_site(50), stack=(frame,))
    profile = replace(flight.profile, sites=(site,), sources={f"{frame.file}:1": HOSTILE})
    state = replace(flight.states[0], types=((HOSTILE, 1),), files=(HOSTILE,))
    processes = tuple(replace(each, name=HOSTILE) for each in make_killed().processes)
    attempts = tuple(
        replace(each, measurement=make_killed(processes=processes, detail=HOSTILE)) for each in make_found().attempts
    )
    flight = replace(flight, profile=profile, states=(state,))
    return make_found(flight=flight, attempts=attempts, subject=HOSTILE)


def test_the_text_has_everything_and_begins_with_the_verdict() -> None:
    text = render_repro(make_found(attempts=(make_growing(),)), top=2, where="results/repro/x")

    assert "killed in 1 of 1 run at 128.0 MiB" in text
    assert "22.0 MiB      1  /app/other.py:3 read_rows" in text
    assert "0 B         all other lines" in text
    assert "Last stacks, at 133.0 MiB of 134.0 MiB:\nMainThread" in text
    assert "  7             126.0 MiB  python" in text
    assert " ".join(text.split()).startswith(sentence(conclusion(make_found(attempts=(make_growing(),)))))
    assert text.endswith("\nEverything is in results/repro/x (index.html)\n")
    assert max(map(len, text.splitlines())) <= 80


def test_what_was_not_recorded_says_why() -> None:
    text = render_repro(make_found(flight=None, not_recorded="there is no Python"), top=3, where="x")

    assert "Nothing was recorded: there is no Python." in text
    assert "last stacks" not in text


def test_the_page_shows_the_same() -> None:
    page = page_of(make_found(attempts=(make_growing(),)), {"record/7-table.html": "a table"})

    assert "grew 3.2 MiB a cycle over 31 cycles" in page
    assert "/app/parse.py:87 read_rows" in page
    assert '<svg class="chart tall"' in page
    assert 'href="record/7-table.html"' in page
    assert "app.Row" in page
    assert "3 /data/rows.csv" in page


@pytest.mark.parametrize(
    "render",
    [
        lambda found: render_repro(found, top=5, where="x"),
        lambda found: page_of(found, {HOSTILE: "a file"}),
        lambda found: readme(found, {HOSTILE: "a file"}),
        lambda found: stack_text(found.flight.stacks[0]),
    ],
)
def test_hostile_names_are_neither_obeyed_nor_markup(render: Callable[[Reproduction], str]) -> None:
    text = render(hostile())

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>" not in text or "<html" not in text


def test_json_has_what_programs_need() -> None:
    found = json.loads(repro_json(make_found(), top=5, where="there", artefacts={"index.html": "the page"}))

    assert found["reproduced"] is True
    assert found["kills"] == 3
    assert found["verdict"] == conclusion(make_found())
    assert {"file": "/app/parse.py", "line": 87, "function": "read_rows"}.items() <= found["top_sites"][0].items()
    assert (found["top_sites"][0]["size_bytes"], found["top_sites"][0]["count"]) == (99 * 1024 * 1024, 31)
    assert found["stacks"][0]["threads"][0]["frames"][0]["file"] == "/app/parse.py"
    assert found["artefacts"] == {"index.html": "the page"}
    assert found["recorder"]["victim"] == 7


def test_json_of_what_was_spared() -> None:
    found = json.loads(
        repro_json(make_found(attempts=(make_spared(),), flight=None, need=None), top=5, where="", artefacts={})
    )

    assert found["reproduced"] is False
    assert found["kills"] == 0
    assert found["top_sites"] == []
    assert found["recorder"] is None


def test_loads_are_told_with_how_far_each_was_from_the_cap() -> None:
    text = render_repro(make_escalated(20, 110.5), top=1, where="x")

    assert "killed in 3 of 3 runs at 128.0 MiB with requests=40" in " ".join(text.split())
    assert (
        "Where nothing was killed:\n"
        "load         had to fit\n"
        "-----------  ----------  -----------------------\n"
        "requests=10    20.0 MiB  108.0 MiB below the cap\n"
        "requests=20   110.5 MiB  17.5 MiB below the cap\n"
    ) in text
    assert "Again, without the search:\n    memcap repro py312 -- python app.py\n" in text
    assert "requests=20    20.0 MiB" in render_repro(make_escalated(10, 20, killed=False), top=1, where="x")


def test_loads_are_on_the_page_and_beside_it() -> None:
    found = make_escalated(20, 110.5)
    page = page_of(found, {})

    assert '<th scope="col" class="figure">requests</th>' in page
    assert '<td class="figure">128.0 MiB</td><td class="figure">20</td>' in page
    assert 'aria-label="code">memcap repro py312 -- python app.py</pre>' in page
    assert "```console\nmemcap repro py312 -- python app.py\n```" in readme(found, {})
    assert "requests</th>" not in page_of(make_found(), {})


def test_a_command_that_cannot_be_pasted_is_not_shown_as_if() -> None:
    found = replace(make_escalated(20), again="memcap repro py312 -- python -c 'import app\napp.main()'")
    told = "Again, without the search, is the same command with"

    assert f"{told}:\n    --escalate requests=20\n" in render_repro(found, top=1, where="x")
    assert f"{told}:\n\n```console\n--escalate requests=20\n```" in readme(found, {})
    assert ">--escalate requests=20</pre>" in page_of(found, {})
    lower = replace(make_found(), again="a\nb", cap_bytes=1024)
    assert f"{told}:\n    --cap 1024b\n" in render_repro(lower, top=1, where="x")


def test_loads_for_programs() -> None:
    found = json.loads(repro_json(make_escalated(20, 110.5), top=5, where="", artefacts={}))

    assert found["load"] == {"name": "requests", "amount": 40}
    assert [each["load"]["amount"] for each in found["earlier_attempts"]] == [10, 20]
    assert (found["again"], found["estimated_load"]) == ("memcap repro py312 -- python app.py", None)
    spared = json.loads(repro_json(make_escalated(20, 30, 50, killed=False), top=5, where="", artefacts={}))
    assert spared["estimated_load"] == {"name": "requests", "amount": 120}
    alone = json.loads(repro_json(make_found(), top=5, where="", artefacts={}))
    assert (alone["load"], alone["again"], alone["attempts"][0]["load"]) == (None, None, None)


def test_what_failed_is_told_with_its_last_words() -> None:
    failed = make_measurement(ending=Ending.FAILED, detail="exit code 1", output_tail=f"Traceback\n  {HOSTILE}\n")
    found = make_found(attempts=(Attempt(cap_bytes=MIB, measurement=failed),), flight=None, need=None)

    told = r"    |   </pre><script>alert(1)</script>\x1b[2J\u202e"
    assert f"It printed at the end:\n    | Traceback\n{told}\n\n" in render_repro(found, top=1, where="x")
    assert ">Traceback\n  &lt;/pre&gt;" in page_of(found, {})
    killed = make_found(attempts=(Attempt(cap_bytes=MIB, measurement=make_killed(output_tail="bye")),))
    assert "bye" not in render_repro(killed, top=1, where="x")


def test_phases_are_told_as_far_as_it_got() -> None:
    from memcap.model import Phases

    assert phases(make_killed(phases=Phases(interpreter_bytes=1024, imported_bytes=2048))) == (
        "1.0 KiB before the import, 2.0 KiB before the call"
    )
    assert phases(make_killed()) == ""
