"""The one place that makes Docker clients and knows the SDK's errors; everything it raises is ours.

The SDK is imported inside functions: it takes longer than `memcap --help` may.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from memcap import __version__
from memcap.engine.base import DaemonLost
from memcap.engine.cpu import cpu_model, is_this_machine
from memcap.engine.discover import DaemonAddress, TlsFiles, find_daemon
from memcap.engine.remedies import linux_families, permission_remedy, start_remedy
from memcap.engine.ssh_tunnel import TunnelError, open_tunnel
from memcap.errors import (
    BuildError,
    DaemonPermissionError,
    DaemonUnavailable,
    EngineError,
    ImageMissing,
    MemcapError,
    PlanError,
    SelectionError,
)
from memcap.model import Environment

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.tls import TLSConfig

CONNECT_SECONDS = 10
REQUEST_SECONDS = 120
_LOST_REMEDY = (
    "See whether the daemon runs and how busy its machine is (`memcap doctor`); then run it again with `--resume`."
)
_environments: WeakKeyDictionary[DockerClient, Environment] = WeakKeyDictionary()
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


def address() -> DaemonAddress:
    """Return the address of the daemon that this process's environment and user choose.

    Raises DaemonUnavailable for a Docker context that does not exist or cannot be read.
    """
    return find_daemon(os.environ, Path.home(), sys.platform)


def connect(at: DaemonAddress | None = None) -> DockerClient:
    """Return a client of the daemon, which answered and runs Linux containers; the caller closes it.

    Raises DaemonUnavailable or DaemonPermissionError, with the address, why it was chosen, and a remedy for this
    system.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    from memcap.engine.docker_bounded import BoundedClient

    where = at or address()
    if where.url.startswith("ssh://"):
        return _connect_by_ssh(where)
    if where.socket_path is not None:
        _check_socket(where, where.socket_path)
    try:
        client = BoundedClient(
            base_url=where.url,
            version="auto",
            timeout=CONNECT_SECONDS,
            tls=_tls_config(where.tls) if where.tls else False,
        )
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise _unavailable(where, _reason(error)) from error
    try:
        with translated("ask the daemon for its version"):
            system = client.version().get("Os", "linux")
        if system != "linux":
            raise DaemonUnavailable(
                f"the daemon at {where.url} runs {system} containers; memcap measures Linux containers",
                remedy="In Docker Desktop's menu choose `Switch to Linux containers`.",
            )
    except BaseException:
        client.close()
        raise
    client.api.timeout = REQUEST_SECONDS
    return client


def _connect_by_ssh(where: DaemonAddress) -> DockerClient:
    try:
        tunnel = open_tunnel(where.url)
    except TunnelError as error:
        raise _unavailable(where, str(error)) from error
    try:
        client = connect(replace(where, url=f"unix://{tunnel.socket_path}", tls=None))
    except BaseException:
        tunnel.close()
        raise
    close = client.close

    def close_both() -> None:
        close()
        tunnel.close()

    client.close = close_both  # type: ignore[method-assign]
    return client


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn the SDK's errors inside the block into ours; ``action`` completes "could not …".

    Raises ImageMissing, BuildError, DaemonLost or EngineError; other exceptions pass.
    """
    from docker.errors import DockerException, StreamParseError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (DockerException, StreamParseError, RequestException, HTTPError, ConnectionError, TimeoutError) as error:
        raise _translate(action, error) from error


def answers(client: DockerClient) -> bool:
    """Tell whether the daemon answers now."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        return client.api.get(f"{client.api.base_url}/_ping", timeout=CONNECT_SECONDS).ok
    except (DockerException, RequestException, OSError):
        return False


@contextmanager
def already_gone() -> Iterator[None]:
    """Ignore that what is removed in the block is gone already, or is being removed by somebody else."""
    from docker.errors import APIError, NotFound

    try:
        yield
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409 or "already in progress" not in str(error):
            raise


def running_container(client: DockerClient, name: str) -> Container:
    """Return the container of that name or id. Raises SelectionError, PlanError where it does not run, EngineError."""
    from docker.errors import NotFound

    with translated(f"look at container {name}"):
        try:
            container: Container = client.containers.get(name)
        except NotFound as error:
            raise SelectionError(f"there is no container {name}", remedy="See `docker ps`.") from error
    if container.status != "running":
        raise PlanError(f"container {name} is {container.status}, not running", remedy="Start it, or name another.")
    return container


def environment(client: DockerClient) -> Environment:
    """Return where campaigns run on this daemon; what it does not say is None. Raises EngineError.

    It is asked once.
    """
    if client not in _environments:
        _environments[client] = _environment(client)
    return _environments[client]


def _environment(client: DockerClient) -> Environment:
    with translated("ask the daemon about itself"):
        info: dict[str, Any] = client.info()
        version: dict[str, Any] = client.version()
    architecture = str(info.get("Architecture", "unknown"))
    cgroup, product = str(info.get("CgroupVersion", "")), _product(version)
    host, kernel = str(info.get("Name") or ""), str(info.get("KernelVersion", "unknown"))
    # Podman denies it on cgroup v2 (seen with 5.4.2), where it does limit swap.
    limits_swap = None if product == "podman" and cgroup == "2" else info.get("SwapLimit")
    return Environment(
        engine=product,
        engine_version=str(version.get("Version", "unknown")),
        cgroup_version=int(cgroup) if cgroup.isdigit() else None,
        cgroup_driver=str(info.get("CgroupDriver", "unknown")),
        kernel=kernel,
        operating_system=str(info.get("OperatingSystem", "unknown")),
        architecture=_ARCHITECTURES.get(architecture, architecture),
        cpus=info.get("NCPU") or None,
        memory_bytes=info.get("MemTotal") or None,
        swap_accounting=limits_swap,
        memcap_version=__version__,
        host=host or None,
        cpu_model=cpu_model() if is_this_machine(host, kernel) else None,
    )


def _product(version: dict[str, Any]) -> str:
    names = " ".join(str(part.get("Name", "")) for part in version.get("Components") or ())
    return "podman" if "podman" in names.lower() else "docker"


def _tls_config(files: TlsFiles) -> TLSConfig:
    from docker.tls import TLSConfig

    pair = (str(files.certificate), str(files.key)) if files.certificate and files.key else None
    return TLSConfig(client_cert=pair, ca_cert=str(files.ca) if files.ca else None, verify=files.verify)


def _check_socket(where: DaemonAddress, path: str) -> None:
    """Connect to the socket and hang up: the SDK would hide the errno, and leave the failed socket open."""
    if not hasattr(socket, "AF_UNIX"):
        raise _unavailable(where, "Python has no Unix sockets on Windows")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as knocker:
        knocker.settimeout(CONNECT_SECONDS)
        try:
            knocker.connect(path)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise DaemonPermissionError(
                    f"this user may not use the Docker daemon at {where.url} ({where.source})",
                    remedy=_with_alternatives(permission_remedy(sys.platform), where),
                ) from error
            reason = {
                errno.ENOENT: "there is no such socket",
                errno.ECONNREFUSED: "the socket is there, but no daemon listens",
            }.get(error.errno or 0, str(error))
            raise _unavailable(where, reason) from error


def _unavailable(where: DaemonAddress, reason: str) -> DaemonUnavailable:
    here = start_remedy(sys.platform, linux_families(), installed=shutil.which("dockerd") is not None)
    if where.url.startswith("ssh://"):
        remedy = (
            "See that `ssh HOST docker version` works without a password or a question. A socket other than "
            "/var/run/docker.sock is named in the address: ssh://HOST/run/user/1000/docker.sock."
        )
    elif where.is_chosen:
        remedy = f"Check {where.source}, and that the daemon there runs; or undo it and use this machine's. {here}"
    else:
        remedy = here
    return DaemonUnavailable(
        f"no Docker daemon answers at {where.url} ({where.source}): {reason}",
        remedy=_with_alternatives(remedy, where),
    )


def _with_alternatives(remedy: str, where: DaemonAddress) -> str:
    if not where.alternatives:
        return remedy
    return f"{remedy} Another socket is there: `export DOCKER_HOST={where.alternatives[0]}`."


def _translate(action: str, error: Exception) -> MemcapError:
    import docker.errors
    from requests.exceptions import InvalidJSONError, RequestException
    from urllib3.exceptions import HTTPError

    reason = str(getattr(error, "explanation", None) or error)
    message = f"could not {action}: {reason}"
    if isinstance(error, docker.errors.ImageNotFound):
        return ImageMissing(message, remedy="Check the name, and that its registry can be reached (`docker login`).")
    if isinstance(error, docker.errors.BuildError):
        return BuildError(f"could not {action}: {error.msg}", remedy="Read the build's output.")
    if isinstance(error, docker.errors.APIError):
        return _translate_answer(message, reason)
    if isinstance(error, (RequestException, HTTPError, OSError)) and not isinstance(error, InvalidJSONError):
        return DaemonLost(f"could not {action}: {_reason(error)}", remedy=_LOST_REMEDY)
    return EngineError(message, remedy="Run `memcap doctor`; then run it again.")


def _reason(error: BaseException) -> str:
    """Say what is wrong with a connection: nobody is there, or is silent, or hung up, or does not come to an end."""
    from requests.exceptions import ConnectTimeout, ReadTimeout
    from urllib3.exceptions import NewConnectionError, ReadTimeoutError

    from memcap.engine.docker_bounded import AnswerUnfinished

    chain = tuple(_chain(error))
    if any(
        isinstance(each, (FileNotFoundError, ConnectionRefusedError, NewConnectionError, ConnectTimeout))
        for each in chain
    ):
        return f"cannot connect to the daemon ({error})"
    if any(isinstance(each, AnswerUnfinished) for each in chain):
        return f"the daemon did not come to an end in time ({error})"
    if isinstance(error, (ReadTimeout, TimeoutError)):
        return f"the daemon did not answer in time ({error})"
    if any(isinstance(each, (ReadTimeoutError, TimeoutError)) for each in chain):
        return f"the daemon stopped in the middle of an answer ({error})"
    return f"the connection to the daemon broke ({error})"


def _chain(error: BaseException, depth: int = 8) -> Iterator[BaseException]:
    """Yield ``error`` and what it came of: libraries keep it as cause, context, reason or argument."""
    yield error
    inner = (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args)
    for each in inner if depth else ():
        if isinstance(each, BaseException):
            yield from _chain(each, depth - 1)


def _translate_answer(message: str, reason: str) -> MemcapError:
    """Choose the remedy for an error that the daemon itself answered."""
    if "no space left on device" in reason:
        return EngineError(message, remedy="Make room on the daemon's disk: `memcap gc --all`, `docker system prune`.")
    if 'Get "http' in reason or "Get http" in reason:
        return ImageMissing(
            message,
            remedy="Its registry could not be reached; check the network, or build images with `memcap images build`.",
        )
    if "manifest unknown" in reason or "manifest for" in reason:
        return ImageMissing(message, remedy="Check the image's name and tag.")
    return EngineError(message, remedy="Run `memcap doctor`; the daemon's own log says more.")
