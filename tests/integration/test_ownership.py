"""What is not memcap's stays, whatever labels it inherited: nothing here lets `gc` remove what it finds by itself."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import docker.errors
import pytest
from integration.measuring import build_image, cell, image, launched

import memcap
from memcap.engine import docker_facts, docker_labels
from memcap.engine.docker_client import address
from memcap.engine.docker_labels import image_labels, run_labels, system
from memcap.engine.docker_leftovers import find_containers, find_layers, remove, remove_leftovers
from memcap.engine.docker_neighbours import Neighbours
from memcap.errors import BuildError
from memcap.images.archive import Tree
from memcap.images.importing import imported_id
from memcap.images.inspect import image_facts
from memcap.images.inventory import find_built, remove_built
from memcap.images.layer import build_layer
from memcap.images.registry import find_own
from memcap.model import ImageFacts

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

pytestmark = pytest.mark.docker

SUPERVISOR = Path(memcap.__file__).parent / "probe" / "bin" / "supervisor-x86_64"
NO_PROCESS = 2**22 + 1  # above the largest pid of Linux
SLEEP = ("python", "-c", "import time; time.sleep(60)")


class Stranger:
    """Somebody who works with memcap's images; everything is removed at the end, by name."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self.id = uuid.uuid4().hex[:12]
        self._containers: list[Container] = []
        self._tags: list[str] = []

    def runs(self, reference: str, *command: str, **options: Any) -> Container:
        """Start a container as `docker run` does."""
        container: Container = self.client.containers.run(
            reference, entrypoint=list(command), detach=True, network_mode="none", **options
        )
        self._containers.append(container)
        return container

    def imports(self, tag: str, *changes: str) -> str:
        """Import an image of one program."""
        tree, stream = Tree(), io.BytesIO()
        tree.add_file("program", SUPERVISOR, executable=True)
        tree.write(stream)
        self.tags(imported_id(self.client.api.import_image_from_data(stream.getvalue(), changes=list(changes))), tag)
        return tag

    def builds(self, base: str, tag: str, *, labels: dict[str, str] | None = None) -> str:
        """Build an image on another one; an empty tag leaves it without a name."""
        dockerfile = f"FROM {base}\nENV UNIQUE={uuid.uuid4()}"
        made, _ = self.client.images.build(
            fileobj=io.BytesIO(dockerfile.encode()), tag=tag or None, labels=labels, rm=True, forcerm=True
        )
        self._tags.append(tag or str(made.id))
        return tag or str(made.id)

    def tags(self, reference: str, tag: str) -> str:
        repository, _, name = tag.partition(":")
        self.client.api.tag(reference, repository, name)
        self._tags.append(tag)
        return tag

    def name(self, of: str = "shop/test") -> str:
        """Return an unused tag of the repository ``of``, which looks like memcap's where that is memcap's."""
        return f"{of}:{uuid.uuid4().hex[:12]}"

    def leaves(self) -> None:
        for container in self._containers:
            with suppress(docker.errors.NotFound):
                container.remove(force=True, v=True)
        for tag in reversed(self._tags):
            with suppress(docker.errors.ImageNotFound):
                self.client.api.remove_image(tag, force=True)


@pytest.fixture
def stranger(docker_client: DockerClient) -> Iterator[Stranger]:
    one = Stranger(docker_client)
    yield one
    one.leaves()


@pytest.fixture(scope="module")
def py312(docker_client: DockerClient) -> ImageFacts:
    return build_image(docker_client, image("py312"), say=lambda _: None)


@pytest.fixture
def own(stranger: Stranger, py312: ImageFacts) -> str:
    """Return an image as memcap makes them, for this test alone."""
    tag = stranger.name("memcap/test-own")
    return stranger.builds(py312.reference, tag, labels=image_labels(tag, kind="image") | {"memcap.image": "test_own"})


def offered(*arguments: str) -> dict[str, Any]:
    """Return what `memcap gc` would do, by name."""
    done = subprocess.run(
        [sys.executable, "-m", "memcap", "gc", "--dry-run", "--json", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    return {one["name"]: one.get("reason") for one in (*answer["removed"], *answer["kept"])}


def references(client: DockerClient) -> set[str]:
    return {built.reference for built in find_built(client)}


def exists(client: DockerClient, reference: str) -> bool:
    try:
        client.images.get(reference)
    except docker.errors.ImageNotFound:
        return False
    return True


def test_a_container_of_an_image_of_memcap_is_not_offered(stranger: Stranger, own: str) -> None:
    mine = stranger.runs(own, *SLEEP)
    assert mine.labels["memcap"] == "1"
    assert mine.name not in offered()
    assert mine.name not in offered("--all")


def test_a_container_of_a_layer_is_not_offered_and_the_layers_own_ones_are(
    docker_client: DockerClient, stranger: Stranger
) -> None:
    with launched(docker_client, cell(("true",))) as (_, spec):
        mine = stranger.runs(spec.image_id, "/memcap/bin/supervisor")
        ours = stranger.runs(
            spec.image_id,
            "/memcap/bin/supervisor",
            name=spec.name,
            labels=run_labels(spec.name, campaign=spec.campaign, cell=spec.cell_id),
        )
    found = offered("--all")
    assert mine.name not in found
    assert ours.name in found


def test_an_image_built_on_memcaps_is_neither_listed_nor_asked_about_the_kernel(
    docker_client: DockerClient, stranger: Stranger, own: str
) -> None:
    derived = stranger.builds(own, stranger.name())
    looks_like_ours = stranger.builds(own, stranger.name("memcap/test-own"))
    nameless = stranger.builds(own, "")
    facts = docker_client.images.get(derived)
    assert facts.labels["memcap.kind"] == "image"
    assert own in references(docker_client)
    assert not {derived, looks_like_ours, nameless} & references(docker_client)
    assert (
        image_facts(docker_client, facts, name="derived", reference=derived, content_addressed=False).origin
        == "local image"
    )
    with mock.patch.object(docker_facts, "_run_reader", wraps=docker_facts._run_reader) as reader:
        docker_facts.gather(docker_client, address())
    ((_, asked),) = (call.args for call in reader.call_args_list)
    assert asked not in {docker_client.images.get(one).id for one in (derived, looks_like_ours, nameless)}


def test_what_an_earlier_version_made_is_known_by_its_tag_and_what_stands_on_it_is_not(
    docker_client: DockerClient, stranger: Stranger
) -> None:
    earlier = stranger.imports(stranger.name("memcap/test-old"), "LABEL memcap=1", "LABEL memcap.kind=image")
    mine = stranger.runs(earlier, "/program")
    derived = stranger.builds(earlier, stranger.name())
    assert earlier in references(docker_client)
    assert derived not in references(docker_client)
    assert mine.name not in offered("--all")


def test_a_commit_of_a_container_of_memcap_is_a_strangers(docker_client: DockerClient, stranger: Stranger) -> None:
    with launched(docker_client, cell(("true",))) as (_, spec):
        labels = run_labels(spec.name, campaign=spec.campaign, cell=spec.cell_id)
        ours = stranger.runs(spec.image_id, "/memcap/bin/supervisor", name=spec.name, labels=labels)
    tag = stranger.name()
    ours.commit(*tag.split(":"))
    stranger.tags(tag, f"{spec.name.lower()}:latest")
    stranger.tags(tag, tag)
    copy = stranger.runs(tag, "/memcap/bin/supervisor", "/", "60000", "1000", "--", "/memcap/nothing")
    assert copy.labels["memcap.campaign"] == spec.campaign
    found = offered("--all")
    assert spec.name in found
    assert copy.name not in found
    assert not {tag, f"{spec.name.lower()}:latest"} & (references(docker_client) | set(found))


def test_a_renamed_container_is_a_strangers(stranger: Stranger, py312: ImageFacts) -> None:
    name = f"memcap-test-{stranger.id}"
    labels = run_labels(name, campaign=f"test-{stranger.id}", cell="x")
    container = stranger.runs(py312.reference, *SLEEP, name=name, labels=labels)
    assert name in offered("--all")
    container.rename(f"kept-{stranger.id}")
    assert not {name, f"kept-{stranger.id}"} & set(offered("--all"))


def test_the_second_tag_of_an_image_survives_its_removal(
    docker_client: DockerClient, stranger: Stranger, own: str
) -> None:
    kept = stranger.tags(own, stranger.name("aaa/kept"))  # sorts before memcap's
    (built,) = (one for one in find_built(docker_client) if one.reference == own)
    remove_built(docker_client, built)
    assert exists(docker_client, kept)
    assert not exists(docker_client, own)
    assert not {kept, own} & references(docker_client)  # without memcap's tag it is a stranger's


def test_the_second_tag_of_a_layer_survives_gc(docker_client: DockerClient, stranger: Stranger, own: str) -> None:
    facts = image_facts(
        docker_client, docker_client.images.get(own), name="test_own", reference=own, content_addressed=True
    )
    layer = build_layer(docker_client, facts, None, say=lambda _: None)
    (remnant,) = (one for one in find_layers(docker_client) if one.id == layer.id)
    kept = stranger.tags(remnant.name, stranger.name("aaa/kept"))
    remove(docker_client, remnant)
    assert exists(docker_client, kept)
    assert not exists(docker_client, remnant.name)


def test_an_image_without_a_tag_survives_the_removal_of_its_layer(
    docker_client: DockerClient, stranger: Stranger, py312: ImageFacts
) -> None:
    nameless = stranger.builds(py312.reference, "", labels={"memcap": "", "memcap.kind": ""})
    facts = image_facts(
        docker_client, docker_client.images.get(nameless), name="nameless", reference=nameless, content_addressed=False
    )
    layer = build_layer(docker_client, facts, None, say=lambda _: None)
    (remnant,) = (one for one in find_layers(docker_client) if one.id == layer.id)
    remove(docker_client, remnant)
    assert not exists(docker_client, layer.id)
    assert exists(docker_client, nameless)


def test_a_foreign_image_under_memcaps_tag_is_not_used(
    docker_client: DockerClient, stranger: Stranger, own: str
) -> None:
    squatter = stranger.builds(own, stranger.name("memcap/layer"))
    with pytest.raises(BuildError, match="not made by memcap"):
        find_own(docker_client, squatter)
    assert find_own(docker_client, own) is not None


def test_a_memcap_in_a_container_with_this_hosts_name_is_not_taken_for_a_dead_process(
    docker_client: DockerClient, stranger: Stranger, py312: ImageFacts
) -> None:
    """Its process numbers mean other processes here, or none: h7."""
    source = Path(docker_labels.__file__).read_text(encoding="utf-8")
    name, campaign = f"memcap-test-{stranger.id}", f"test-{stranger.id}"
    ask = f"{source}\nimport json\nprint(json.dumps(run_labels({name!r}, campaign={campaign!r}, cell='x')))"
    elsewhere = stranger.runs(py312.reference, "python", "-c", ask, hostname=socket.gethostname())
    elsewhere.wait()
    labels = json.loads(elsewhere.logs())
    assert labels["memcap.owner"] == f"1@{socket.gethostname()}"
    assert labels["memcap.system"] != system()
    labels["memcap.owner"] = f"{NO_PROCESS}@{socket.gethostname()}"
    running = stranger.runs(py312.reference, *SLEEP, name=name, labels=labels)
    assert offered("--campaign", campaign) == {name: "running"}
    running.kill()
    running.wait()
    assert offered("--campaign", campaign) == {name: "recent"}


def test_a_running_container_of_a_dead_process_stays_until_it_is_asked_for(
    docker_client: DockerClient, stranger: Stranger, py312: ImageFacts
) -> None:
    name, campaign = f"memcap-test-{stranger.id}", f"test-{stranger.id}"
    labels = run_labels(name, campaign=campaign, cell="x")
    labels["memcap.owner"] = f"{NO_PROCESS}@{socket.gethostname()}"
    running = stranger.runs(py312.reference, *SLEEP, name=name, labels=labels)
    done = subprocess.run(
        [sys.executable, "-m", "memcap", "gc", "--campaign", campaign], capture_output=True, text=True, check=True
    )
    assert "Kept 1 container (1 running); `memcap gc --all` removes what was kept." in done.stdout
    running.kill()
    running.wait()
    assert offered("--campaign", campaign) == {name: None}
    assert [one.name for one in find_containers(docker_client, campaign=campaign)] == [name]


def test_a_campaign_that_goes_on_removes_what_it_left_before_the_machine_was_started_again(
    docker_client: DockerClient, stranger: Stranger, py312: ImageFacts
) -> None:
    campaign = f"test-{stranger.id}"
    gone = {"memcap.owner": f"{NO_PROCESS}@{socket.gethostname()}"}
    changes = {
        "ended": {"memcap.system": "another boot"},
        "running": gone,
        "mine": {},
        "others": {**gone, "memcap.campaign": f"{campaign}-other"},
    }
    for word, changed in changes.items():
        name = f"memcap-{campaign}-{word}"
        labels = {**run_labels(name, campaign=campaign, cell="x"), **changed}
        started = stranger.runs(py312.reference, *SLEEP, name=name, labels=labels)
        if word == "ended":
            started.kill()
            started.wait()
    remove_leftovers(docker_client, campaign)
    left = docker_client.containers.list(all=True, filters={"name": f"memcap-{campaign}"})
    assert {str(one.name).removeprefix(f"memcap-{campaign}-") for one in left} == {"mine", "others"}


def test_a_copy_is_no_neighbour(docker_client: DockerClient, stranger: Stranger, py312: ImageFacts) -> None:
    campaign = f"test-{stranger.id}"
    labels = run_labels(f"memcap-{campaign}-1", campaign=campaign, cell="x")
    neighbours = Neighbours(docker_client, campaign="another")
    copy = stranger.runs(py312.reference, *SLEEP, labels=labels)
    assert campaign not in {one.campaign for one in neighbours.find()}
    copy.kill()
    stranger.runs(py312.reference, *SLEEP, name=f"memcap-{campaign}-1", labels=labels)
    assert campaign in {one.campaign for one in neighbours.find()}
