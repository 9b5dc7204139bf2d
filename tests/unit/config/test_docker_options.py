"""Mounts, networks and hosts, as options of `docker run` write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memcap.config.docker_options import (
    anchored,
    parse_add_host,
    parse_mount,
    parse_network,
    parse_tmpfs,
    parse_user,
    parse_volume,
    parse_workdir,
)
from memcap.errors import UsageError
from memcap.model import ContainerPolicy, Mount, MountKind

BIND, VOLUME, TMPFS = MountKind


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/a:/b", Mount(kind=BIND, source="/a", target="/b")),
        ("./a:/b/:ro", Mount(kind=BIND, source="./a", target="/b", read_only=True)),
        ("cache:/b:rw", Mount(kind=VOLUME, source="cache", target="/b")),
        ("/b", Mount(kind=VOLUME, target="/b")),
        (r"C:\data:/b", Mount(kind=BIND, source=r"C:\data", target="/b")),
        ("C:/data:/b:ro", Mount(kind=BIND, source="C:/data", target="/b", read_only=True)),
    ],
)
def test_volumes(text: str, mount: Mount) -> None:
    assert parse_volume(text) == mount


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("type=bind,source=/a,target=/b", Mount(kind=BIND, source="/a", target="/b")),
        ("type=bind,src=a,dst=/b,readonly", Mount(kind=BIND, source="a", target="/b", read_only=True)),
        ("source=cache,destination=/b,ro=false", Mount(kind=VOLUME, source="cache", target="/b")),
        ("type=volume,dst=/b", Mount(kind=VOLUME, target="/b")),
        ('type=bind,"src=/a,b",dst=/b', Mount(kind=BIND, source="/a,b", target="/b")),
        (
            "type=tmpfs,dst=/b,tmpfs-size=64m,tmpfs-mode=1770",
            Mount(kind=TMPFS, target="/b", options="size=67108864,mode=1770"),
        ),
    ],
)
def test_mounts(text: str, mount: Mount) -> None:
    assert parse_mount(text) == mount


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/b", Mount(kind=TMPFS, target="/b")),
        ("/b:size=1m,exec", Mount(kind=TMPFS, target="/b", options="size=1m,exec")),
        ("/b:size=50%,mode=01777", Mount(kind=TMPFS, target="/b", options="size=50%,mode=01777")),
    ],
)
def test_tmpfs(text: str, mount: Mount) -> None:
    assert parse_tmpfs(text) == mount


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_volume, "~other:/c", "'~other' is neither a path nor the name of a volume"),
        (parse_volume, "a/b:/c", "'a/b' is neither a path nor the name of a volume"),
        (parse_volume, "/a:c", "names no place in the container"),
        (parse_volume, "/a:/", "names no place in the container"),
        (parse_volume, "/a:/b:z", "has an option that memcap does not have"),
        (parse_volume, "/a:/b:ro:ro", "has an option that memcap does not have"),
        (parse_volume, "/a:/memcap/out", "would hide /memcap"),
        (parse_mount, "type=bind,target=/b", "does not say what to mount"),
        (parse_mount, "type=nfs,target=/b", "'nfs' is not a type of mount"),
        (parse_mount, "tpye=bind,target=/b", "'tpye' is not a key of a mount"),
        (parse_mount, "type=tmpfs,src=/a,target=/b", "a tmpfs has no source"),
        (parse_mount, "type=bind,src=/a,target=/b,tmpfs-size=1m", "go with type=tmpfs"),
        (parse_mount, "type=tmpfs,target=/b,tmpfs-size=1x", "tmpfs-size=1x is not a size"),
        (parse_mount, "type=tmpfs,target=/b,tmpfs-mode=9", "tmpfs-mode=9 is not a mode"),
        (parse_tmpfs, "/b:size=64q", "'size=64q' is not a size"),
        (parse_tmpfs, "/b:size=1.5g", "'size=1.5g' is not a size"),
        (parse_tmpfs, "/b:size=", "'size=' is not a size"),
        (parse_tmpfs, "/b:ro,mode=rwx", "'mode=rwx' is not a mode"),
        (parse_tmpfs, "/b:uid=app", "'uid=app' is not a number"),
        (parse_tmpfs, "/b:64m", "'64m' is no option of a tmpfs"),
        (parse_mount, "type=bind,src=/a,target=/b,ro=maybe", "neither true nor false"),
        (parse_mount, "src=/a,target=/b", "'/a' is not the name of a volume"),
        (parse_mount, "", "names no place in the container"),
        (parse_network, "my/image:1.0", "is not the name of a network"),
        (parse_network, "", "is not the name of a network"),
        (parse_add_host, "db", "'db' is not NAME:IP"),
        (parse_add_host, "db:notip", "'notip' is not an address"),
        (parse_user, "", "'' is not a user"),
        (parse_user, " app", "' app' is not a user"),
        (parse_user, "-1", "'-1' is not a user"),
        (parse_user, "4294967296", "'4294967296' is not a user"),
        (parse_user, "app:2147483648", "'app:2147483648' is not a user"),
        (parse_volume, "/a:/b/../memcap", "would hide /memcap"),
        (parse_volume, "/a:/b/..", "names no place in the container"),
        (parse_workdir, "srv", "is not an absolute path"),
    ],
)
def test_what_is_wrong_is_said(parse: Callable[[str], object], text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        parse(text)
    assert refused.value.remedy


def test_a_mistyped_key_is_suggested() -> None:
    with pytest.raises(UsageError) as refused:
        parse_mount("type=bind,sorce=/a,target=/b")
    assert "Did you mean 'source'?" in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "host"),
    [("db:10.0.0.5", "db:10.0.0.5"), ("db=10.0.0.5", "db:10.0.0.5"), ("six:::1", "six:::1"), ("up:host-gateway",) * 2],
)
def test_hosts(text: str, host: str) -> None:
    assert parse_add_host(text) == host


@pytest.mark.parametrize("name", ["none", "bridge", "host", "my_net.1", "container:web"])
def test_networks(name: str) -> None:
    assert parse_network(name) == name


@pytest.mark.parametrize("user", ["app", "app:staff", "0", "2147483647:2147483647", ":staff", "app:"])
def test_users(user: str) -> None:
    assert parse_user(user) == user


@given(st.text())
@example('"')
@example("a\n")
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_volume, parse_mount, parse_tmpfs, parse_network, parse_add_host, parse_user, parse_workdir):
        try:
            found = parse(text)
        except UsageError:
            continue
        assert found


def test_paths_of_this_machine_become_absolute(tmp_path: Path) -> None:
    mounts = (parse_volume("./a:/a"), parse_volume("/b:/b"), parse_volume("cache:/c"), parse_tmpfs("/d"))
    policy = anchored(ContainerPolicy(mounts=mounts, env_files=("e",)), tmp_path.resolve())
    assert [mount.source for mount in policy.mounts] == [str(tmp_path.resolve() / "a"), "/b", "cache", ""]
    assert policy.env_files == (str(tmp_path.resolve() / "e"),)
