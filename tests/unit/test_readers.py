"""Damaged files of every kind: each is read, or refused in memcap's own words. `make fuzz` does it a million times."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fuzz.mutate import damage
from fuzz.readers import Reader, all_readers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memcap.errors import MemcapError

NAMES = (
    "results", "campaign journals", "pyperf files", "baselines", "limits.toml", "suite.toml", "requirements.txt",
    "uv.lock", "files of variables",
    "code of a suite", "pyproject.toml", "setup.cfg", "code of a repository", "loads",
    "reports of loads", "outputs of load generators", "events of the load client", "journals of processes",
    "looks from within",
    "looks at soaks",
    "notes of soaks",
    "leaks of a twin",
    "supervisor reports",
    "supervisor journals", "workload journals", "profiles", "sites of a profile",
)  # fmt: skip


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return {each.name: each for each in all_readers(tmp_path_factory.mktemp("seeds"))}


def test_every_reader_is_tested(readers: dict[str, Reader]) -> None:
    assert tuple(readers) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_good_files_are_read(readers: dict[str, Reader], name: str, tmp_path: Path) -> None:
    good = readers[name].seeds[0]
    if name == "pyperf files":
        with pytest.raises(MemcapError, match="a pyperf file without memcap's part"):
            readers[name].read(good, tmp_path)
    else:
        readers[name].read(good, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_read_or_refused(readers: dict[str, Reader], name: str, tmp_path: Path) -> None:
    reader = readers[name]

    @given(random=st.randoms(use_true_random=False), seed=st.sampled_from(reader.seeds))
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    def damaged(random: Random, seed: bytes) -> None:
        _read(reader, damage(seed, reader.seeds, random), tmp_path)

    damaged()


@pytest.mark.parametrize("name", NAMES)
@given(content=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_anything_else_is_read_or_refused(
    readers: dict[str, Reader], name: str, tmp_path: Path, content: bytes
) -> None:
    _read(readers[name], content, tmp_path)


def _read(reader: Reader, content: bytes, folder: Path) -> None:
    try:
        reader.read(content, folder)
    except MemcapError as error:
        assert str(error)  # noqa: PT017 - either way is right; only another exception is not
