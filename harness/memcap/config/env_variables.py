"""The environment that containers are given: from files of variables and from this process, with secrets kept apart."""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from platformdirs import user_config_path

from memcap.errors import UsageError
from memcap.model import ContainerPolicy, EnvValue, Secret
from memcap.strict import MOST_CONFIG_BYTES, TextError, read_text

DIGEST_MARK: Final = "hmac:"
_DIGITS: Final = 16
_KEY_BYTES: Final = 32
_ENCODED: Final = re.compile(r"-----.*|[A-Za-z0-9+/]{41,}={0,2}")
_KEY_FILE: Final = "secrets.key"


def resolved(
    policy: ContainerPolicy, environ: Mapping[str, str], *, given: Mapping[str, str] | None = None
) -> ContainerPolicy:
    """Return ``policy`` with all variables in its ``env``; ``given`` ones replace others of the same name.

    First come those of its files, then those that the project writes itself, then those that are passed on. Only the
    project's own are stored as they are. Raises UsageError naming every file and variable that is missing.
    """
    given = given or {}
    files: dict[str, str] = {}
    problems: list[str] = []
    for file in policy.env_files:
        try:
            files |= read_env_file(Path(file), {**environ, **given})
        except UsageError as error:
            problems.append(error.message)
    problems += [f"{name} is not set" for name in policy.pass_env if name not in environ and name not in given]
    if problems:
        raise UsageError(
            "the environment of the containers is incomplete: " + "; ".join(problems),
            remedy="Set the variables here. `measure`, `fit`, `repro` and `profile` also take them as -e NAME=VALUE.",
        )
    passed = {name: environ[name] for name in policy.pass_env if name in environ}
    return replace(
        policy,
        env={
            **concealed(files, public=policy.public_env),
            **policy.env,
            **concealed({**passed, **given}, public=policy.public_env),
        },
    )


def concealed(values: Mapping[str, str], *, public: Iterable[str]) -> dict[str, EnvValue]:
    """Return ``values`` as Secrets, but for those with ``public`` names."""
    shown = frozenset(public)
    return {
        name: value if name in shown else Secret(value=value, digest=digest_of(name, value))
        for name, value in values.items()
    }


def digest_of(name: str, value: str) -> str:
    """Return a keyed hash of a variable: it shows that a value changed, and can be computed by nobody else."""
    text = f"{name}={value}".encode("utf-8", "surrogateescape")
    return DIGEST_MARK + hmac.new(_key(), text, hashlib.sha256).hexdigest()[:_DIGITS]


def read_env_file(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a file in Docker's format: ``NAME=VALUE``, ``NAME`` alone, comments.

    A name alone stands for its value in ``environ``. Raises UsageError naming every line that is wrong; what is in a
    line that may be one of a secret is not in the message.
    """
    try:
        text = read_text(path, most_bytes=MOST_CONFIG_BYTES)
    except TextError as error:
        raise UsageError(error.message) from error
    found: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.split("\n"), start=1):
        name, has_value, value = line.lstrip().partition("=")
        if name.startswith("#") or not line.strip():
            continue
        if not name or any(character.isspace() for character in name) or _is_of_a_key(line):
            problems.append(f"{path}:{number}: expected NAME=VALUE")
        elif "\0" in line:
            problems.append(f"{path}:{number}: {name} holds a NUL character, as no program can be given one")
        elif has_value:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
        else:
            problems.append(f"{path}:{number}: {name} is not set")
    if problems:
        raise UsageError("; ".join(problems), remedy="Write NAME=VALUE, or NAME for a variable that is set here.")
    return found


def _is_of_a_key(line: str) -> bool:
    """Tell whether ``line`` is one of a value of several lines, such as a key in PEM, which the format cannot hold."""
    return _ENCODED.fullmatch(line.strip()) is not None


@functools.cache
def _key() -> bytes:
    """Return this user's random key; where none can be kept, one for this process alone."""
    path = user_config_path("memcap") / _KEY_FILE
    try:
        known = path.read_bytes() if path.exists() else b""
        if len(known) == _KEY_BYTES:
            return known
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        new = secrets.token_bytes(_KEY_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(new)
    except FileExistsError:  # another memcap was faster
        return path.read_bytes()
    except OSError:
        return secrets.token_bytes(_KEY_BYTES)
    return new
