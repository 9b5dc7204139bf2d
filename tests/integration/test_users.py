"""The workload runs as whom Docker would run it as, though the supervisor begins as root."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from integration.measuring import build_image, cell, image, launched

from memcap.measuring import measure
from memcap.model import Cell, Ending, ImageSource

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
TAG = "memcap-test/users:1"
HOMELY = "memcap-test/users:2"  # with USER and HOME
ACCOUNTS = [
    "root:x:0:0:root:/root:/bin/sh",
    *(f"u{n}:x:{5000 + n}:{5000 + n}:filler:/:" for n in range(400)),
    "app:x:1000:1001:An App:/srv/app:/bin/sh",
    "odd:x:1003:1003::",
    "nobody:x:65534:65534:nobody:/nonexistent:",
]
GROUP = "root:x:0:\nstaff:x:50:app,odd\nwheel:x:10:root,app\napps:x:1001:\nmore:x:77:xapp,apps,app\nlast:x:78:odd\n"
TELL = (
    "import json, os; print(json.dumps([os.getresuid(), os.getresgid(), sorted(os.getgroups()), "
    "os.environ.get('HOME'), os.getcwd()]))"
)
USERS = [
    "",
    "root",
    "0",
    "app",
    "1000",
    "1000:1000",
    "app:staff",
    "app:12",
    "4242",
    "4242:4343",
    "odd",
    "nobody",
    ":50",
]
USERS += ["0:10", "root:wheel", "u399"]


@pytest.fixture(scope="module")
def with_users(docker_client: DockerClient) -> Iterator[str]:
    """Yield an image with users and groups, and lines without an end."""
    facts = build_image(docker_client, image("py312"), say=lambda _: None)
    container = docker_client.containers.create(facts.id, labels={"memcap-test": "users"})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in (("etc/passwd", "\n".join(ACCOUNTS)), ("etc/group", GROUP)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    try:
        container.put_archive("/", archive.getvalue())
        container.commit(*TAG.split(":"))
        container.commit(*HOMELY.split(":"), changes=["USER app", "ENV HOME=/root"])
    finally:
        container.remove(force=True)
    yield TAG
    for tag in (TAG, HOMELY):
        docker_client.images.remove(tag)


def by_docker(client: DockerClient, tag: str, user: str) -> Any:
    """Return what a program sees in a plain container."""
    output = client.containers.run(tag, ["python3", "-c", TELL], user=user or None, remove=True, network_mode="none")
    return json.loads(output)


def telling(tag: str) -> Cell:
    return replace(cell(("python3", "-c", TELL)), image=ImageSource(name="users", reference=tag))


@pytest.mark.parametrize("user", USERS)
def test_user_groups_and_home_are_those_of_docker(docker_client: DockerClient, with_users: str, user: str) -> None:
    with launched(docker_client, telling(with_users)) as (engine, spec):
        raw = engine.execute(replace(spec, user=user))
    assert json.loads(raw.output) == by_docker(docker_client, with_users, user)


@pytest.mark.usefixtures("with_users")
def test_the_image_chooses_user_and_home(docker_client: DockerClient) -> None:
    with launched(docker_client, telling(HOMELY)) as (engine, spec):
        raw = engine.execute(spec)
    assert json.loads(raw.output) == by_docker(docker_client, HOMELY, "")
    assert json.loads(raw.output)[0] == [1000, 1000, 1000]


@pytest.mark.parametrize("user", ["ghost", "app:ghosts"])
def test_an_unknown_user_is_named(docker_client: DockerClient, with_users: str, user: str) -> None:
    with launched(docker_client, telling(with_users)) as (engine, usual):
        spec = replace(usual, user=user)
        run = measure(engine.execute(spec), spec, cpus=None)
    assert run.ending is Ending.NOT_STARTED
    assert user in run.detail
