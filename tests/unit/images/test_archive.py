from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.images.archive import Tree


def written(tree: Tree) -> bytes:
    stream = io.BytesIO()
    tree.write(stream)
    return stream.getvalue()


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=20)), unique_by=lambda entry: entry[0]))
def test_the_order_of_adding_does_not_matter(entries: list[tuple[str, bytes]]) -> None:
    forwards, backwards = Tree(), Tree()
    for name, content in entries:
        forwards.add_file(f"folder/{name}", content)
    for name, content in reversed(entries):
        backwards.add_file(f"folder/{name}", content)

    assert forwards.digest() == backwards.digest()
    assert written(forwards) == written(backwards)


def test_times_and_owners_of_the_host_do_not_get_in(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("content")
    tree = Tree()
    tree.add_file("place/file", file)
    before = tree.digest(), written(tree)
    os.utime(file, (1, 1))

    assert (tree.digest(), written(tree)) == before
    with tarfile.open(fileobj=io.BytesIO(before[1])) as tar:
        assert {(info.uid, info.gid, info.uname, info.mtime) for info in tar} == {(0, 0, "", 1_577_836_800)}


def test_parents_come_first_and_keep_the_mode_they_were_given() -> None:
    tree = Tree()
    tree.add_folder("memcap/out", mode=0o1777)
    tree.add_file("memcap/out/file", b"x", executable=True)
    tree.add_link("link", "memcap/out")

    with tarfile.open(fileobj=io.BytesIO(written(tree))) as tar:
        found = [(info.name, oct(info.mode), info.isdir(), info.linkname) for info in tar]
    assert found == [
        ("link", "0o777", False, "memcap/out"),
        ("memcap", "0o755", True, ""),
        ("memcap/out", "0o1777", True, ""),
        ("memcap/out/file", "0o755", False, ""),
    ]


def test_everything_that_matters_changes_the_digest() -> None:
    def digest(path: str = "a", content: bytes = b"x", *, executable: bool = False, link: str = "t") -> str:
        tree = Tree()
        tree.add_file(path, content, executable=executable)
        tree.add_link("link", link)
        return tree.digest()

    assert len({digest(), digest("b"), digest(content=b"y"), digest(executable=True), digest(link="u")}) == 5


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../up", "a/../b", "a//b", "./a", "a/"])
def test_paths_cannot_lead_elsewhere(path: str) -> None:
    with pytest.raises(ValueError, match="clean relative path"):
        Tree().add_file(path, b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no names that are not text")
def test_names_that_are_not_text_are_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \n")
    tree = Tree()
    tree.add_file(name, b"x")

    assert len(tree.digest()) == 64
    with tarfile.open(fileobj=io.BytesIO(written(tree))) as tar:
        assert tar.getnames() == [name]
