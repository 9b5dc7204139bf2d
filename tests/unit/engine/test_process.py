"""The engine without containers: what it decides before anything is started."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from factories import MIB
from memcap.engine import process
from memcap.engine.process import DATA_SLACK_BYTES, Tail, refuse_unfit_machine, without_cgroup
from memcap.errors import PlanError


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_sent_to_docker(system: str) -> None:
    with pytest.raises(PlanError, match=f"needs Linux; this is {system}") as caught:
        refuse_unfit_machine(system)
    assert "Docker" in caught.value.remedy


def test_a_linux_whose_processes_cannot_be_followed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    with pytest.raises(PlanError, match=r"Linux 5\.3"):
        refuse_unfit_machine("linux")


def test_root_without_a_cgroup_is_kept_by_watchdog_and_data_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    cap = 64 * MIB
    assert without_cgroup(cap, pids=512) == ("cgroup=none", f"watchdog={cap}", f"data={cap + DATA_SLACK_BYTES}")


def test_other_users_may_have_so_many_processes_more_than_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(process, "_own_threads", lambda: 100)
    assert without_cgroup(MIB, pids=512)[-1] == "processes=612"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_the_end_of_a_long_output_is_kept() -> None:
    read, write = os.pipe()
    tail = Tail(io.FileIO(read), limit=1000)
    with io.FileIO(write, "w") as pipe:
        for number in range(2000):
            pipe.write(b"%07d\n" % number)
    kept = tail.text()
    assert kept.endswith("0001999\n")
    assert 1000 <= len(kept) <= 2000
    assert not tail.is_alive()


def test_the_engine_is_not_made_ready_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(PlanError, match="needs Linux"), process.ProcessEngine():
        pytest.fail("it was made ready")
    assert list(tmp_path.iterdir()) == []
