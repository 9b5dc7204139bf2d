"""The variables of containers: where they come from, and what is stored of them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.config import env_variables
from memcap.config.env_variables import concealed, digest_of, read_env_file, resolved
from memcap.errors import UsageError
from memcap.model import ContainerPolicy, Secret, values_of

REAL_KEY = env_variables._key.__wrapped__


def written(folder: Path, text: str) -> Path:
    path = folder / "prod.env"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_in_dockers_format(tmp_path: Path) -> None:
    text = '\ufeff# comment\n\n  A=1\nB= spaces stay \nC="quotes" too # no comment\nD=\nE=x=y\n   \nHERE\nA=2\r\n'
    assert read_env_file(written(tmp_path, text), {"HERE": "value"}) == {
        "A": "2",
        "B": " spaces stay ",
        "C": '"quotes" too # no comment',
        "D": "",
        "E": "x=y",
        "HERE": "value",
    }


def test_all_lines_that_are_wrong_are_named_without_their_values(tmp_path: Path) -> None:
    path = written(tmp_path, "A=1\n=hidden\nB C=hidden\nNOT_SET\nN=hidden\0\n")
    with pytest.raises(UsageError) as refused:
        read_env_file(path, {})
    assert refused.value.message == (
        f"{path}:2: expected NAME=VALUE; {path}:3: expected NAME=VALUE; {path}:4: NOT_SET is not set; "
        f"{path}:5: N holds a NUL character, as no program can be given one"
    )
    assert "hidden" not in str(refused.value)


def test_lines_of_a_key_are_not_shown(tmp_path: Path) -> None:
    line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
    path = written(tmp_path, f'KEY="-----BEGIN KEY-----\n{line}\n{line[:48]}==\n-----END-----"\nEMPTY=\n')
    with pytest.raises(UsageError) as refused:
        read_env_file(path, {})
    assert refused.value.message == "; ".join(f"{path}:{number}: expected NAME=VALUE" for number in (2, 3, 4))


@given(st.binary())
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("env") / "any.env"
    path.write_bytes(content)
    try:
        found = read_env_file(path, {})
    except UsageError:
        return
    assert all(name and not name.startswith("#") for name in found)


def test_files_then_the_projects_own_then_what_is_passed_then_what_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, "A=file\nB=file\nC=file\nD=file\n")
    policy = ContainerPolicy(
        env_files=(str(path),), env={"B": "own", "C": "own", "D": "own"}, pass_env=("C", "D"), public_env=("A",)
    )
    found = resolved(policy, {"C": "passed", "D": "passed", "E": "not asked for"}, given={"D": "given"})
    assert values_of(found.env) == {"A": "file", "B": "own", "C": "passed", "D": "given"}
    assert found.env["A"] == "file", "public"
    assert found.secrets == ("passed", "given"), "what is in the project's own files is no secret"
    assert resolved(found, {"C": "passed", "D": "passed"}, given={"D": "given"}) == found


def test_a_name_alone_in_a_file_can_be_given(tmp_path: Path) -> None:
    policy = ContainerPolicy(env_files=(str(written(tmp_path, "A\nB=file\n")),), env={})
    assert values_of(resolved(policy, {}, given={"A": "given"}).env) == {"A": "given", "B": "file"}


def test_everything_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.env"
    policy = ContainerPolicy(env_files=(str(missing),), pass_env=("A", "B", "C"))
    with pytest.raises(UsageError) as refused:
        resolved(policy, {"B": "1"}, given={"C": "1"})
    assert f"{missing}: cannot be read: No such file or directory; A is not set" in refused.value.message
    assert "B is" not in refused.value.message


def test_a_hash_shows_a_change_and_nothing_else() -> None:
    found = digest_of("TOKEN", "hunter2")
    assert found.startswith("hmac:")
    assert found == digest_of("TOKEN", "hunter2")
    assert len({found, digest_of("TOKEN", "hunter3"), digest_of("OTHER", "hunter2")}) == 3
    assert concealed({"TOKEN": "hunter2"}, public=()) == {"TOKEN": Secret(value="hunter2", digest=found)}


def test_the_key_is_the_users_own_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_variables, "user_config_path", lambda _: tmp_path / "config")
    key = REAL_KEY()
    (file,) = (tmp_path / "config").iterdir()
    assert (len(key), REAL_KEY()) == (32, key)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"cut off")
    assert len(REAL_KEY()) == 32


def test_where_no_key_can_be_kept_there_is_one_for_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(env_variables, "user_config_path", lambda _: tmp_path / "file" / "config")
    assert len(REAL_KEY()) == 32
