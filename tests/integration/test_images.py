"""Images and layers on the real daemon: from a host interpreter, a Dockerfile or a reference; cached; broken ones."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from integration.measuring import build_image

from memcap.cli import cli
from memcap.errors import BuildError, ImageMissing
from memcap.images.archive import Tree
from memcap.images.build import build_images
from memcap.images.host_base import make_host_base, plan_host_base, usable_host_python
from memcap.images.importing import imported_id
from memcap.images.inspect import python_facts
from memcap.images.inventory import find_built, remove_built
from memcap.images.layer import SUPERVISOR_UID, build_layer
from memcap.images.registry import find_local
from memcap.model import ImageFacts, ImageSource, Suite

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.12", "3.11", "3.13", "3.10")


def silent(_: str) -> None:
    """Hear what is done, and say nothing."""


@pytest.fixture(scope="module")
def py312(docker_client: DockerClient) -> ImageFacts:
    """Return the project's own image, which stays: other tests and users want it too."""
    return build_image(docker_client, ImageSource(name="py312", directory=ROOT / "images" / "py312"), say=silent)


@pytest.fixture
def name(docker_client: DockerClient) -> Iterator[str]:
    """Return a name for an image; what was built under it is removed."""
    unique = f"test_{uuid.uuid4().hex[:12]}"
    yield unique
    for built in find_built(docker_client):
        if built.image == unique:
            remove_built(docker_client, built)


@pytest.fixture
def toy(docker_client: DockerClient, tmp_path: Path) -> Iterator[Suite]:
    """Return a suite with one native dependency; its layers are removed."""
    directory = tmp_path / "toy"
    directory.mkdir()
    (directory / "toy.py").write_text("import markupsafe\nfrom markupsafe import _speedups\n")
    (directory / "requirements.txt").write_text("markupsafe==3.0.3\n")
    unique = f"test_{uuid.uuid4().hex[:12]}"
    requirements = directory / "requirements.txt"
    yield Suite(name=unique, directory=directory, description="", benchmarks=(), requirements=requirements)
    for built in find_built(docker_client):
        if built.suite == unique:
            remove_built(docker_client, built)


@pytest.fixture
def without_python(docker_client: DockerClient) -> Iterator[str]:
    """Return the reference of an image of one text file."""
    tree, stream = Tree(), io.BytesIO()
    tree.add_file("etc/motd", b"nothing runs here\n")
    tree.write(stream)
    tag = uuid.uuid4().hex[:12]
    answer = docker_client.api.import_image_from_data(stream.getvalue(), changes=["LABEL memcap=1"])
    docker_client.api.tag(imported_id(answer), "memcap/test-empty", tag)
    yield f"memcap/test-empty:{tag}"
    docker_client.api.remove_image(f"memcap/test-empty:{tag}", force=True)


def write_dockerfile(directory: Path, *lines: str) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text("\n".join(lines) + "\n")
    return directory


def run(client: DockerClient, image: str, *argv: str) -> str:
    """Run a program in a fresh container without a network and return what it printed."""
    output: bytes = client.containers.run(
        image, entrypoint=list(argv), network_mode="none", remove=True, labels={"memcap": "1"}
    )
    return output.decode()


def files_of(client: DockerClient, image: str, path: str) -> dict[str, tarfile.TarInfo]:
    """Return the files under ``path`` of an image in which nothing can be run."""
    container = client.containers.create(image, command=["none"], labels={"memcap": "1"})
    try:
        stream = io.BytesIO(b"".join(container.get_archive(path)[0]))
        with tarfile.open(fileobj=stream) as tar:
            return {info.name: info for info in tar}
    finally:
        container.remove(force=True)


class TestHostBase:
    def test_a_host_interpreter_runs_in_a_container_as_the_official_image_does(
        self, docker_client: DockerClient
    ) -> None:
        found = [usable_host_python(docker_client, f"python:{version}-slim") for version in VERSIONS]
        python = next((one for one in found if not isinstance(one, str)), None)
        if python is None:
            pytest.skip(f"no interpreter of this machine can be used: {found[0]}")
        # A name of its own: the base that other images stand on stays as it is.
        plan = replace(plan_host_base(python), reference=f"memcap/host-base:test-{uuid.uuid4().hex[:12]}")
        image = make_host_base(docker_client, plan)
        try:
            program = (
                "import ssl, sqlite3, ctypes, zlib, lzma, bz2, decimal, hashlib, locale, multiprocessing, pwd, sys\n"
                "import json, subprocess, zoneinfo\n"
                "ctypes.CDLL('libstdc++.so.6')\n"
                "print(json.dumps([sys.prefix, sys.executable, '%d.%d.%d' % sys.version_info[:3],\n"
                "    locale.getpreferredencoding(), pwd.getpwuid(0).pw_name, subprocess.getoutput('echo shell')]))\n"
            )
            answer = json.loads(run(docker_client, str(image.id), "python", "-c", program))

            assert answer == ["/usr/local", "/usr/local/bin/python", python.version, "UTF-8", "root", "shell"]
            assert str(ROOT) not in str(image.attrs)
            assert image.labels["memcap.origin"] == python.origin
        finally:
            docker_client.api.remove_image(plan.reference)

    def test_its_contents_name_it(self, docker_client: DockerClient) -> None:
        python = usable_host_python(docker_client, "python:3.12-slim")
        if isinstance(python, str):
            pytest.skip(python)

        assert plan_host_base(python).reference == plan_host_base(python).reference


class TestImages:
    def test_the_projects_image_knows_its_python_and_where_it_came_from(self, py312: ImageFacts) -> None:
        assert py312.python is not None
        assert py312.python.version.startswith("3.12.")
        assert py312.python.libc.startswith(("glibc 2.", "musl 1."))
        assert py312.origin.startswith(("built from python:3.12-slim", "host interpreter CPython 3.12."))
        assert py312.reference.startswith("memcap/py312:")
        assert not py312.mutable

    def test_no_run_compiles_the_standard_library(self, docker_client: DockerClient, py312: ImageFacts) -> None:
        program = (
            "import os, sys, asyncio, email.mime.text, json, logging.config, sqlite3, unittest.mock, xml.dom.minidom\n"
            "print([m.__name__ for m in list(sys.modules.values())\n"
            "       if getattr(m, '__cached__', None) and not os.path.exists(m.__cached__)])"
        )

        assert run(docker_client, py312.id, "python", "-B", "-c", program).strip() == "[]"

    def test_images_are_built_once_and_returned_in_order(
        self, docker_client: DockerClient, py312: ImageFacts, name: str, tmp_path: Path
    ) -> None:
        folder = write_dockerfile(tmp_path / "image", f"FROM {py312.reference}", "USER 1000:1000", "WORKDIR /srv")
        sources = [
            ImageSource(name=name, directory=folder),
            ImageSource(name="by-reference", reference=py312.reference),
        ]
        said: list[str] = []
        first = build_images(docker_client, sources, say=said.append)
        again = build_images(docker_client, sources, say=silent)

        assert first == again
        assert [one.name for one in first] == [name, "by-reference"]
        assert (first[0].user, first[0].working_directory) == ("1000:1000", "/srv")
        assert first[0].python == py312.python
        assert [line for line in said if line.startswith("building")] == [f"building {first[0].reference}"]

    def test_a_changed_folder_is_another_image(
        self, docker_client: DockerClient, py312: ImageFacts, name: str, tmp_path: Path
    ) -> None:
        folder = write_dockerfile(tmp_path / "image", f"FROM {py312.reference}", "ENV A=1")
        source = ImageSource(name=name, directory=folder)
        first = build_image(docker_client, source, say=silent)
        write_dockerfile(folder, f"FROM {py312.reference}", "ENV A=2")

        assert build_image(docker_client, source, say=silent).reference != first.reference

    def test_a_base_that_no_interpreter_can_stand_in_for_is_missing(
        self, docker_client: DockerClient, name: str, tmp_path: Path
    ) -> None:
        folder = write_dockerfile(tmp_path / "image", "ARG BASE=python:3.99-slim", "FROM ${BASE}")

        with pytest.raises(ImageMissing, match=r"python:3\.99-slim") as caught:
            build_image(docker_client, ImageSource(name=name, directory=folder), say=silent)
        assert caught.value.remedy

    def test_a_failing_dockerfile_shows_the_end_of_its_output(
        self, docker_client: DockerClient, py312: ImageFacts, name: str, tmp_path: Path
    ) -> None:
        program = "for n in range(99): print('line', n)\nraise SystemExit('the reason')"
        step = json.dumps(["python", "-c", program])
        folder = write_dockerfile(tmp_path / "image", f"FROM {py312.reference}", f"RUN {step}")

        with pytest.raises(BuildError, match="the reason") as caught:
            build_image(docker_client, ImageSource(name=name, directory=folder), say=silent)
        assert "line 98" in caught.value.message
        assert "line 60\n" not in caught.value.message
        assert not [one for one in docker_client.api.containers(all=True) if "the reason" in one["Command"]]

    def test_a_folder_without_a_dockerfile_says_so(self, docker_client: DockerClient, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match="Dockerfile"):
            build_image(docker_client, ImageSource(name="none", directory=tmp_path), say=silent)

    @pytest.mark.parametrize(
        "reference",
        ["memcap/there-is-no-such-image:1", "Not/Lower:1", "not a reference", "../x", "", "sha256:" + "0" * 64],
    )
    def test_a_reference_that_is_nowhere_is_missing(self, docker_client: DockerClient, reference: str) -> None:
        with pytest.raises(ImageMissing) as caught:
            build_image(docker_client, ImageSource(name="none", reference=reference), say=silent)
        assert reference in caught.value.message
        assert caught.value.remedy

    def test_a_tag_can_move_an_id_cannot(self, docker_client: DockerClient, without_python: str) -> None:
        def mutable(reference: str) -> bool:
            return build_image(docker_client, ImageSource(name="any", reference=reference), say=silent).mutable

        found = docker_client.images.get(without_python)
        assert [mutable(without_python), mutable(str(found.id)), mutable(str(found.id)[7:19])] == [True, False, False]

    def test_a_broken_cache_file_is_ignored_and_mended(
        self, docker_client: DockerClient, py312: ImageFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("memcap.images.inspect.user_cache_path", lambda _: tmp_path)
        image = docker_client.images.get(py312.id)
        assert python_facts(docker_client, image) == py312.python
        (kept,) = (tmp_path / "pythons").iterdir()
        text = kept.read_text()
        for broken in ("", "{", "[]", '{"question": 1}', '{"question": 1, "python": {"executable": "x"}}', "\0"):
            kept.write_text(broken)

            assert python_facts(docker_client, image) == py312.python
            assert kept.read_text() == text


class TestLayers:
    def test_a_native_dependency_is_imported_without_a_network(
        self, docker_client: DockerClient, py312: ImageFacts, toy: Suite
    ) -> None:
        layer = build_layer(docker_client, py312, toy, say=silent)
        program = (
            "import sys, os; sys.path[:0] = PATH; import toy\n"
            "print(os.path.exists(toy.__cached__), os.path.exists(toy.markupsafe.__cached__), toy._speedups.__file__)"
        )
        path = [str(place) for place in layer.search_path]
        answer = run(docker_client, layer.id, "python", "-B", "-c", program.replace("PATH", repr(path)))

        assert answer.startswith("True True /memcap/deps/markupsafe/_speedups.")
        assert build_layer(docker_client, py312, toy, say=silent) == layer

    def test_a_changed_suite_is_another_layer(self, docker_client: DockerClient, py312: ImageFacts, toy: Suite) -> None:
        (toy.directory / "requirements.txt").unlink()
        bare = Suite(name=toy.name, directory=toy.directory, description="", benchmarks=())
        first = build_layer(docker_client, py312, bare, say=silent)
        (toy.directory / "toy.py").write_text("this does not even compile")
        second = build_layer(docker_client, py312, bare, say=silent)

        assert first.id != second.id
        assert [str(place) for place in second.search_path] == ["/memcap/suite"]

    def test_anyone_may_write_out_and_nobody_but_root_the_rest(
        self, docker_client: DockerClient, py312: ImageFacts, toy: Suite, name: str, tmp_path: Path
    ) -> None:
        folder = write_dockerfile(
            tmp_path / "image", f"FROM {py312.reference}", "USER 1000:1000", "HEALTHCHECK CMD true", "WORKDIR /srv"
        )
        image = build_image(docker_client, ImageSource(name=name, directory=folder), say=silent)
        layer = build_layer(docker_client, image, toy, say=silent)
        program = (
            "import json, os\n"
            "places = ['/memcap', '/memcap/out', '/memcap/tmp', '/memcap/suite/toy.py', '/memcap/deps']\n"
            "print(json.dumps([os.getuid(), os.getcwd(), [oct(os.stat(p).st_mode)[-4:] for p in places],\n"
            "    [os.stat(p).st_uid for p in places], [os.access(p, os.W_OK) for p in places]]))"
        )

        assert json.loads(run(docker_client, layer.id, "python", "-c", program)) == [
            1000, "/srv", ["0755", "1777", "1777", "0644", "0755"],
            [0, SUPERVISOR_UID, 0, 0, 0], [False, True, True, False, False],
        ]  # fmt: skip
        config = docker_client.images.get(layer.id).attrs["Config"]
        assert config.get("Healthcheck") in (None, {"Test": ["NONE"]})  # on Podman, on Docker
        assert config["Labels"]["memcap.kind"] == "layer"

    def test_an_image_without_python_or_shell_gets_the_supervisor(
        self, docker_client: DockerClient, without_python: str, toy: Suite
    ) -> None:
        image = build_image(docker_client, ImageSource(name="empty", reference=without_python), say=silent)
        assert image.python is None
        alone = build_layer(docker_client, image, None, say=silent)
        try:
            found = files_of(docker_client, alone.id, "/memcap")
            assert found["memcap/bin/supervisor"].mode & 0o777 == 0o755
            assert found["memcap/out"].mode & 0o7777 == 0o1777
            assert alone.search_path == ()
        finally:
            docker_client.api.remove_image(alone.id)
        commands = Suite(name=toy.name, directory=toy.directory, description="", benchmarks=())
        with_suite = build_layer(docker_client, image, commands, say=silent)
        assert "suite/toy.py" in files_of(docker_client, with_suite.id, "/memcap/suite")
        with pytest.raises(BuildError, match="has no Python"):
            build_layer(docker_client, image, toy, say=silent)

    def test_nothing_is_left_when_making_a_layer_fails(
        self, docker_client: DockerClient, py312: ImageFacts, toy: Suite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("docker.models.containers.Container.commit", _interrupt)

        with pytest.raises(KeyboardInterrupt):
            build_layer(docker_client, py312, toy, say=silent)
        assert docker_client.containers.list(all=True, filters={"label": f"memcap.suite={toy.name}"}) == []

    def test_an_architecture_without_a_supervisor_is_said(self, docker_client: DockerClient, py312: ImageFacts) -> None:
        with pytest.raises(BuildError, match="no supervisor for s390x"):
            build_layer(docker_client, replace(py312, architecture="s390x"), None, say=silent)


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


class TestCommands:
    @pytest.fixture
    def project(self, tmp_path: Path, py312: ImageFacts, name: str) -> Path:
        """Return a project with one image of that name, and the limits of this repository."""
        (tmp_path / "limits.toml").write_text("[caps]\n128m = '128m'\n[profiles.quick]\n")
        (tmp_path / "images").mkdir()
        write_dockerfile(tmp_path / "images" / name, f"FROM {py312.reference}", "ENV A=1")
        return tmp_path

    def invoke(self, *arguments: str) -> str:
        # In a narrow terminal references are folded.
        result = CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["images", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    def test_build_list_and_remove(self, docker_client: DockerClient, project: Path, name: str) -> None:
        def listed() -> tuple[list[str], list[str]]:
            answer = json.loads(self.invoke("list", "-C", str(project), "--json"))
            return [one["reference"] for one in answer["built"] if one["image"] == name], answer["not_built"]

        assert listed() == ([], [name])
        (built,) = json.loads(self.invoke("build", "-C", str(project), "--json"))["images"]
        assert built["reference"].startswith(f"memcap/{name.replace('_', '-')}:")
        assert listed() == ([built["reference"]], [])
        assert built["reference"] in self.invoke("list", "-C", str(project))
        assert self.invoke("rm", name) == f"removed image {built['reference']}\n"
        assert find_local(docker_client, built["reference"]) is None

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [(("build", "nosuch", "-C", str(ROOT)), 12), (("rm", "nosuch"), 12), (("rm",), 2), (("rm", "x", "--all"), 2)],
    )
    def test_mistakes_have_their_exit_codes(self, arguments: tuple[str, ...], code: int) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "memcap", "images", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert "nosuch" in done.stderr or "--all" in done.stderr
