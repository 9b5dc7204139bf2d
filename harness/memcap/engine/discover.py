"""Find the Docker daemon the way the docker command does, then at the sockets that known products use.

The order is the command's own: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the configuration's current context, the default
socket. After these come the sockets of Docker Desktop, Colima, Rancher Desktop, OrbStack, rootless Docker and Podman,
which the command would reach through a context.
Formats: https://github.com/docker/cli/tree/master/cli/context/store (folders named by the SHA-256 of the name).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memcap.errors import DaemonUnavailable

DEFAULT_CONTEXT = "default"


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """The files of a TLS connection; a file that is absent is None. ``verify`` checks the daemon's certificate."""

    ca: Path | None
    certificate: Path | None
    key: Path | None
    verify: bool


@dataclass(frozen=True, kw_only=True)
class DaemonAddress:
    """Where the daemon should be, and in words why there.

    ``is_chosen`` tells whether somebody named this daemon, rather than its socket having been found.
    ``alternatives`` are the addresses of other known sockets that exist; they are never tried, only offered.
    """

    url: str
    source: str
    is_chosen: bool = False
    context: str | None = None
    tls: TlsFiles | None = None
    alternatives: tuple[str, ...] = ()

    @property
    def socket_path(self) -> str | None:
        """Return the path of the Unix socket, or None where the address is of another kind."""
        return self.url.removeprefix("unix://") if self.url.startswith("unix://") else None

    @property
    def is_remote(self) -> bool:
        """Tell whether the address itself names another machine; a local socket may still lead into a VM."""
        return not self.url.startswith(("unix://", "npipe://"))


def find_daemon(
    environ: Mapping[str, str],
    home: Path,
    platform: str,
    *,
    exists: Callable[[str], bool] = os.path.exists,
) -> DaemonAddress:
    """Return the daemon's address for ``environ`` on ``platform`` (as ``sys.platform`` names it).

    ``exists`` says whether a socket or named pipe is there. Nothing is connected to.
    Raises DaemonUnavailable for a context that does not exist or cannot be read, rather than taking another daemon.
    """
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    if host := environ.get("DOCKER_HOST", "").strip():
        url = _with_scheme(host)
        tls = _tls_of_environment(environ, folder, url)
        return DaemonAddress(url=url, source="the environment variable DOCKER_HOST", is_chosen=True, tls=tls)
    name, source = _context_name(environ, folder)
    if name is not None and name != DEFAULT_CONTEXT:
        return _address_of_context(name, source, folder)
    known = _known_sockets(environ, home, platform)
    found = [(url, product) for url, product in known if exists(_path_of(url))]
    if not found:
        return DaemonAddress(url=known[0][0], source="the default address; no known socket exists")
    url, product = found[0]
    return DaemonAddress(url=url, source=product, alternatives=tuple(other for other, _ in found[1:]))


def _with_scheme(host: str) -> str:
    if "://" in host:
        return host
    return f"unix://{host}" if host.startswith("/") else f"tcp://{host}"


def _context_name(environ: Mapping[str, str], folder: Path) -> tuple[str | None, str]:
    if name := environ.get("DOCKER_CONTEXT", "").strip():
        return name, "the environment variable DOCKER_CONTEXT"
    file = folder / "config.json"
    settings = _read_json(file, what="Docker's configuration") if file.is_file() else {}
    current = settings.get("currentContext")
    return (str(current) if current else None), f"currentContext in {file}"


def _address_of_context(name: str, source: str, folder: Path) -> DaemonAddress:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / digest / "meta.json"
    if not meta.is_file():
        raise DaemonUnavailable(
            f"there is no Docker context {name!r}, which {source} names",
            remedy="See `docker context ls`; choose one with `docker context use NAME`, or set DOCKER_HOST.",
        )
    endpoints = _read_json(meta, what=f"the Docker context {name!r}").get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not isinstance(endpoint, dict) or not host or not isinstance(host, str):
        raise DaemonUnavailable(
            f"the Docker context {name!r} has no address of a daemon ({meta})",
            remedy="Choose another with `docker context use NAME`, or set DOCKER_HOST.",
        )
    tls = _tls_files(folder / "contexts" / "tls" / digest / "docker", verify=not endpoint.get("SkipTLSVerify", False))
    return DaemonAddress(
        url=_with_scheme(host),
        source=f"the Docker context {name!r}, chosen by {source}",
        is_chosen=True,
        context=name,
        tls=tls if tls.ca or tls.certificate else None,
    )


def _tls_of_environment(environ: Mapping[str, str], folder: Path, url: str) -> TlsFiles | None:
    """Follow the docker command: any non-empty DOCKER_TLS_VERIFY (even "0") verifies; sockets never use TLS."""
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not url.startswith(("tcp://", "http://", "https://")) or not (verify or environ.get("DOCKER_TLS")):
        return None
    return _tls_files(Path(environ.get("DOCKER_CERT_PATH") or folder), verify=verify)


def _tls_files(folder: Path, *, verify: bool) -> TlsFiles:
    ca, certificate, key = (
        file if file.is_file() else None for file in (folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    )
    return TlsFiles(ca=ca, certificate=certificate, key=key, verify=verify)


def _known_sockets(environ: Mapping[str, str], home: Path, platform: str) -> list[tuple[str, str]]:
    """List (address, product in words), the docker command's default first."""
    if platform == "win32":
        return [
            ("npipe:////./pipe/docker_engine", "the default named pipe"),
            ("npipe:////./pipe/dockerDesktopLinuxEngine", "Docker Desktop's named pipe"),
            ("npipe:////./pipe/podman-machine-default", "Podman machine's named pipe"),
        ]
    in_home = {
        ".docker/run/docker.sock": "Docker Desktop's socket",
        ".docker/desktop/docker.sock": "Docker Desktop's socket",
        ".colima/default/docker.sock": "Colima's socket",
        ".config/colima/default/docker.sock": "Colima's socket",
        ".rd/docker.sock": "Rancher Desktop's socket",
        ".orbstack/run/docker.sock": "OrbStack's socket",
        ".local/share/containers/podman/machine/podman.sock": "Podman machine's socket",
    }
    sockets = [("/var/run/docker.sock", "the default socket")]
    sockets += [((home / path).as_posix(), product) for path, product in in_home.items()]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        sockets.append((f"{runtime}/docker.sock", "rootless Docker's socket"))
        sockets.append((f"{runtime}/podman/podman.sock", "rootless Podman's socket"))
    sockets.append(("/run/podman/podman.sock", "Podman's socket"))
    return [(f"unix://{path}", product) for path, product in sockets]


def _path_of(url: str) -> str:
    return url.split("://", 1)[1]


def _read_json(file: Path, *, what: str) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DaemonUnavailable(f"{what} cannot be read: {error}", remedy=f"Mend or remove {file}.") from error
    if not isinstance(content, dict):
        raise DaemonUnavailable(f"{what} is not a JSON object", remedy=f"Mend or remove {file}.")
    return content
