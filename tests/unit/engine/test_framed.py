from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memcap.engine.framed import begins_report, new_secret, own_journal, split_report

SECRET = "0123456789abcdef" * 2
REPORT = '{"format": 3,\n "peak_bytes": 1}\n'


def framed(report: str = REPORT, secret: str = SECRET) -> str:
    return f"\n{secret} report\n{report}{secret} end\n"


def test_secrets_are_of_128_bits_and_differ() -> None:
    assert len(new_secret()) == 32
    assert new_secret() != new_secret()


@given(st.text())
def test_what_the_workload_wrote_is_kept_as_it_was(output: str) -> None:
    assert split_report(output + framed(), SECRET) == (output, REPORT)
    assert split_report(output, SECRET) == (output, None)


@given(st.text())
def test_a_frame_with_another_secret_is_output(output: str) -> None:
    forged = output + framed(secret="f" * 32)
    assert split_report(forged, SECRET) == (forged, None)
    assert split_report(forged + framed(), SECRET) == (forged, REPORT)


def test_the_last_report_counts() -> None:
    assert split_report(framed("{}\n") + framed(), SECRET)[1] == REPORT


@given(st.integers(min_value=1, max_value=len(framed()) - 1))
def test_a_report_that_is_cut_off_is_none(kept: int) -> None:
    assert split_report("output" + framed()[:kept], SECRET)[1] is None


def test_the_line_that_begins_the_report_is_known() -> None:
    assert begins_report(f"{SECRET} report", SECRET)
    assert not begins_report(f"{'f' * 32} report", SECRET)


def test_only_a_journal_with_the_secret_is_the_supervisors() -> None:
    assert own_journal(f"{SECRET}\n{{}}\n", SECRET) == "{}\n"
    assert own_journal('{"elapsed_ns": 1}\n', SECRET) == ""
    assert own_journal("", SECRET) == ""
