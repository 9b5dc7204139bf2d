"""What must be alike for figures to be compared, and what is only told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import MIB, make_baseline, make_cell, make_fingerprint, make_measurement, make_result
from memcap.judge.environment import unlike
from memcap.model import METRICS_VERSION, NO_CAP_BYTES, Cap, Rules

RULES = Rules()
STRICT = Rules(same_image=True)


@pytest.mark.parametrize(
    ("here", "there", "blocking"),
    [
        (4096, 65536, ("page size is 4096, the baseline has 65536",)),
        (4096, 4096, ()),
        (4096, None, ()),
        (None, 4096, ()),
        (None, None, ()),
    ],
)
def test_page_sizes_must_match_where_both_are_known(
    here: int | None, there: int | None, blocking: tuple[str, ...]
) -> None:
    baseline = make_baseline(fingerprint=make_fingerprint(page_size_bytes=there))
    found = unlike(baseline, make_fingerprint(page_size_bytes=here), make_cell(), RULES)
    assert found.blocking == blocking
    assert found.told == ()


def test_figures_whose_meaning_changed_are_not_compared() -> None:
    newer = make_fingerprint(metrics_version=METRICS_VERSION + 1)
    found = unlike(make_baseline(), newer, make_cell(), RULES)
    assert found.blocking == (
        f"definition of the metrics is {METRICS_VERSION + 1}, the baseline has {METRICS_VERSION}",
    )


def test_another_build_of_an_image_is_told_or_forbidden_as_the_project_says() -> None:
    baseline = make_baseline(fingerprint=make_fingerprint(image_digest="sha256:old"))
    words = ("digest of py312 is memcap/py312:latest, the baseline has sha256:old",)
    lenient = unlike(baseline, make_fingerprint(), make_cell(), RULES)
    assert (lenient.blocking, lenient.told) == ((), words)
    strict = unlike(baseline, make_fingerprint(), make_cell(), STRICT)
    assert (strict.blocking, strict.told) == (words, ())
    assert unlike(make_baseline(), make_fingerprint(), make_cell(), STRICT).blocking == ()


def test_a_result_knows_its_page_size_from_any_run() -> None:
    lost, told = make_measurement(), make_measurement(page_size_bytes=65536)
    result = make_result(make_cell(runs=[lost]), make_cell("agents.llm-py312-128m", [lost, told]))
    assert result.fingerprint("py312").page_size_bytes == 65536
    assert make_result().fingerprint("py312").page_size_bytes is None
    assert replace(result, metrics_version=3).fingerprint("py312").metrics_version == 3


def test_one_cap_that_is_none_is_like_another() -> None:
    cell = make_cell(cap=Cap(name="uncapped", bytes=NO_CAP_BYTES))
    baseline = make_baseline(cap_bytes=2**63 - 4096)
    assert unlike(baseline, make_fingerprint(), cell, RULES).blocking == ()
    limited = unlike(make_baseline(), make_fingerprint(), cell, RULES)
    assert limited.blocking == (f"cap in bytes is uncapped, the baseline has {128 * MIB}",)
