"""Files of allocation profiles: lossless, small, and never taken for a result."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import make_profile, make_site
from memcap.errors import FileExistsAlready, FileFormatError, NewerSchemaError
from memcap.model import AllocationProfile
from memcap.store import load_profile, load_result, save_profile

st.register_type_strategy(float, st.floats(0, 1e30))
st.register_type_strategy(int, st.integers(0, 2**63 - 1))
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"]), max_size=8))


@given(profile=st.builds(AllocationProfile, **{each.name: ... for each in fields(AllocationProfile)}))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_load_gives_back_what_was_saved(tmp_path_factory: pytest.TempPathFactory, profile: AllocationProfile) -> None:
    folder = tmp_path_factory.mktemp("profiles")
    save_profile(profile, folder / "profile.json")
    assert load_profile(folder / "profile.json") == load_profile(folder) == profile


def test_a_frame_is_stored_once(tmp_path: Path) -> None:
    site = make_site()
    save_profile(make_profile(site, site, site), tmp_path / "profile.json")
    document = json.loads((tmp_path / "profile.json").read_text())["memcap_profile"]

    assert len(document["frames"]) == len(site.stack)


def test_a_profile_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    save_profile(make_profile(), tmp_path / "profile.json")

    with pytest.raises(FileExistsAlready):
        save_profile(make_profile(), tmp_path / "profile.json")


def test_a_profile_is_no_result(tmp_path: Path) -> None:
    save_profile(make_profile(), tmp_path / "profile.json")

    with pytest.raises(FileFormatError, match="neither judged nor accepted as baselines"):
        load_result(tmp_path / "profile.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "reads schemas up to"),
        ({"sites": [{"stack": [7]}]}, "names a frame that is not there"),
        ({"sites": None}, "expected lists"),
        ({"tool": "other"}, "memcap_profile.tool"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "profile.json"
    save_profile(make_profile(), path)
    document = json.loads(path.read_text())
    document["memcap_profile"] |= change
    path.write_text(json.dumps(document))

    with pytest.raises((FileFormatError, NewerSchemaError), match=message):
        load_profile(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text('{"memcap": {}}')

    with pytest.raises(FileFormatError, match="no profile of memcap"):
        load_profile(tmp_path)
