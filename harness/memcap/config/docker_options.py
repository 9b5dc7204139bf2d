"""Read mounts, networks and hosts as the options of ``docker run`` write them."""

from __future__ import annotations

import csv
import os
import posixpath
import re
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from memcap.config.source import nearest, shown
from memcap.errors import UsageError
from memcap.model import ContainerPolicy, Mount, MountKind

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)  # of a network or a volume, as Docker has it
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_SIZE: Final = re.compile(r"(\d{1,15})([bkmg]?)", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_MODE: Final = re.compile(r"[0-7]{3,4}")
_NUMBER: Final = re.compile(r"\d{1,15}", re.ASCII)
_TMPFS_SIZE: Final = re.compile(r"\d{1,15}(?:[kmgt]|%)?", re.ASCII | re.IGNORECASE)  # as the kernel reads it
_TMPFS_VALUES: Final = {  # what the kernel would refuse when the container is started
    "size": (_TMPFS_SIZE, "a size"), "mode": (re.compile(r"[0-7]{1,5}"), "a mode"),
    "uid": (_NUMBER, "a number"), "gid": (_NUMBER, "a number"),
}  # fmt: skip
_OWN: Final = "/memcap"
_HOST_GATEWAY: Final = "host-gateway"  # Docker's word for the daemon's machine
_LAST_ID: Final = 2**31 - 1  # of a user or a group, as Docker has it
_DIGITS: Final = 20  # as many tell a number that is too large
_KEYS: Final = {
    "type": "type", "source": "source", "src": "source", "target": "target", "destination": "target", "dst": "target",
    "readonly": "readonly", "ro": "readonly", "tmpfs-size": "tmpfs-size", "tmpfs-mode": "tmpfs-mode",
}  # fmt: skip
_FLAGS: Final = {"": True, "true": True, "1": True, "false": False, "0": False}


def parse_network(text: str) -> str:
    """Return the name of a network. Raises UsageError for what cannot be one."""
    name = text.removeprefix("container:")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{shown(text)} is not the name of a network", remedy="Write none, bridge, host, or a name of your own."
        )
    return text


def parse_add_host(text: str) -> str:
    """Return ``NAME:ADDRESS`` (or ``NAME=ADDRESS``) as the daemon takes it. Raises UsageError."""
    match = re.fullmatch(r"([^:=\s]+)[:=](\S+)", text)
    if match is None:
        raise UsageError(f"{shown(text)} is not NAME:IP", remedy="Write it like db:10.0.0.5.")
    if match[2] != _HOST_GATEWAY:
        try:
            ip_address(match[2])
        except ValueError as error:
            raise UsageError(
                f"{shown(match[2])} is not an address", remedy="Write it like db:10.0.0.5, or db:host-gateway."
            ) from error
    return f"{match[1]}:{match[2]}"


def parse_user(text: str) -> str:
    """Return ``USER[:GROUP]``, by name or number. Raises UsageError for what Docker takes for none."""
    if not text or text != text.strip():
        raise UsageError(f"{shown(text)} is not a user", remedy="Write USER or USER:GROUP, by name or number.")
    for number in text.split(":"):
        if re.fullmatch(r"-?[0-9]+", number) and not 0 <= int(number[:_DIGITS]) <= _LAST_ID:
            raise UsageError(
                f"{shown(text)} is not a user", remedy=f"Numbers of users and groups are from 0 to {_LAST_ID}."
            )
    return text


def parse_workdir(text: str) -> str:
    """Return an absolute path in the container. Raises UsageError."""
    if not text.startswith("/"):
        raise UsageError(
            f"{shown(text)} is not an absolute path in the container", remedy="Write it from the root, such as /srv."
        )
    return text


def parse_volume(text: str) -> Mount:
    """Return what ``[SRC:]DST[:ro]`` mounts, as `docker run --volume` reads it. Raises UsageError."""
    drive = text[:2] if _DRIVE.match(text) else ""  # of Windows
    source, *rest = text.removeprefix(drive).split(":")
    source = drive + source
    if not rest:
        return Mount(kind=MountKind.VOLUME, target=_target(source, text))
    target, *options = rest
    words = options[0].split(",") if options else []
    unknown = [word for word in words if word not in ("ro", "rw")]
    if len(options) > 1 or unknown:
        raise UsageError(
            f"{shown(text)} has an option that memcap does not have", remedy="Write SRC:DST, or SRC:DST:ro."
        )
    is_path = bool(drive) or source.startswith((".", "/", "~/"))
    if not is_path and not _NAME.fullmatch(source):
        raise UsageError(
            f"{shown(source)} is neither a path nor the name of a volume",
            remedy=f"A path begins with / or with a dot, such as ./{source}.",
        )
    kind = MountKind.BIND if is_path else MountKind.VOLUME
    return Mount(kind=kind, source=source, target=_target(target, text), read_only="ro" in words)


def parse_tmpfs(text: str) -> Mount:
    """Return the tmpfs that ``DST[:OPTIONS]`` describes, as `docker run --tmpfs` reads it. Raises UsageError."""
    target, _, options = text.partition(":")
    for word in options.split(","):
        name, has_value, value = word.partition("=")
        form, what = _TMPFS_VALUES.get(name, (None, ""))
        if form is not None and not form.fullmatch(value):
            raise UsageError(f"{shown(word)} is not {what}", remedy="Write it like /tmp:size=64m,mode=1777.")
        if not has_value and _TMPFS_SIZE.fullmatch(word):
            raise UsageError(f"{shown(word)} is no option of a tmpfs", remedy=f"For a size, write size={word}.")
    return Mount(kind=MountKind.TMPFS, target=_target(target, text), options=options)


def parse_mount(text: str) -> Mount:
    """Return what ``type=bind|volume|tmpfs,…`` mounts, as `docker run --mount` reads it. Raises UsageError."""
    given: dict[str, str] = {}
    try:
        fields = next(csv.reader([text]), [])
    except csv.Error as error:
        raise UsageError(
            f"{shown(text)} is no list of KEY=VALUE", remedy="Write type=bind,source=SRC,target=DST."
        ) from error
    for field in fields:
        name, _, value = field.partition("=")
        key = _KEYS.get(name.strip().lower())
        if key is None:
            near = nearest(name, _KEYS)
            hint = f"Did you mean {near!r}? " if near else ""
            raise UsageError(
                f"{shown(name)} is not a key of a mount", remedy=f"{hint}There are {', '.join(dict.fromkeys(_KEYS))}."
            )
        given[key] = value
    kind = given.get("type", MountKind.VOLUME.value)
    if kind not in [each.value for each in MountKind]:
        raise UsageError(f"{shown(kind)} is not a type of mount", remedy="There are bind, volume, tmpfs.")
    read_only = _FLAGS.get(given.get("readonly", "false"))
    if read_only is None:
        raise UsageError(f"readonly={given['readonly']} is neither true nor false", remedy="Write readonly alone.")
    mount = Mount(
        kind=MountKind(kind),
        source=given.get("source", ""),
        target=_target(given.get("target", ""), text),
        read_only=read_only,
        options=_tmpfs_options(given),
    )
    _refuse_contradictions(mount, text)
    return mount


def anchored(policy: ContainerPolicy, folder: Path) -> ContainerPolicy:
    """Return ``policy`` with the paths of this machine made absolute; relative ones are from ``folder``."""

    def absolute(path: str) -> str:
        own = Path(path).expanduser() if path.startswith("~/") else Path(path)
        return os.path.realpath(folder / own)  # Path.resolve() raises for a link to itself, on some Pythons

    mounts = tuple(
        replace(mount, source=absolute(mount.source)) if mount.kind is MountKind.BIND else mount
        for mount in policy.mounts
    )
    return replace(policy, mounts=mounts, env_files=tuple(map(absolute, policy.env_files)))


def _target(target: str, text: str) -> str:
    if not target.startswith("/") or posixpath.normpath(target).strip("/") == "":
        raise UsageError(
            f"{shown(text)} names no place in the container to mount at",
            remedy="The target is an absolute path other than /, such as /data.",
        )
    path = posixpath.normpath("/" + target.strip("/"))
    if path == _OWN or path.startswith(f"{_OWN}/"):
        raise UsageError(f"{shown(text)} would hide {_OWN}, where memcap's own files are", remedy="Mount it elsewhere.")
    return path


def _tmpfs_options(given: dict[str, str]) -> str:
    """Return the options of a tmpfs that keys of ``--mount`` stand for."""
    words = []
    if (size := given.get("tmpfs-size")) is not None:
        match = _SIZE.fullmatch(size)
        if match is None:
            raise UsageError(f"tmpfs-size={size} is not a size", remedy="Write it like tmpfs-size=64m.")
        words.append(f"size={int(match[1]) * _UNITS[match[2].lower()]}")
    if (mode := given.get("tmpfs-mode")) is not None:
        if not _MODE.fullmatch(mode):
            raise UsageError(f"tmpfs-mode={mode} is not a mode", remedy="Write it like tmpfs-mode=1770.")
        words.append(f"mode={mode}")
    return ",".join(words)


def _refuse_contradictions(mount: Mount, text: str) -> None:
    if mount.kind is MountKind.BIND and not mount.source:
        raise UsageError(f"{shown(text)} does not say what to mount", remedy="Add source=PATH.")
    if mount.kind is MountKind.TMPFS and mount.source:
        raise UsageError(f"{shown(text)}: a tmpfs has no source", remedy="Leave source out.")
    if mount.kind is not MountKind.TMPFS and mount.options:
        raise UsageError(f"{shown(text)}: tmpfs-size and tmpfs-mode go with type=tmpfs", remedy="Leave them out.")
    if mount.kind is MountKind.VOLUME and mount.source and not _NAME.fullmatch(mount.source):
        raise UsageError(f"{shown(mount.source)} is not the name of a volume", remedy="For a path, write type=bind.")
