"""What to do on this system when there is no Docker daemon, or one that this user may not use."""

from __future__ import annotations

import platform as platform_module

_INSTALL = {
    "debian": "sudo apt-get install -y docker.io && sudo service docker start",
    "fedora": "sudo dnf install -y moby-engine && sudo systemctl start docker",
    "rhel": "sudo dnf install -y podman-docker && systemctl --user start podman.socket",
    "arch": "sudo pacman -S docker && sudo systemctl start docker",
    "suse": "sudo zypper install -y docker && sudo systemctl start docker",
    "alpine": "apk add docker && rc-service docker start",
}


def linux_families() -> tuple[str, ...]:
    """Return the names this distribution goes by, its own first: ``("ubuntu", "debian")``; empty elsewhere."""
    try:
        release = platform_module.freedesktop_os_release()
    except OSError:
        return ()
    return (release.get("ID", ""), *release.get("ID_LIKE", "").split())


def start_remedy(platform: str, families: tuple[str, ...], *, installed: bool) -> str:
    """Say how to get a daemon on ``platform`` (as ``sys.platform``); ``installed`` means that dockerd is there."""
    if platform == "darwin":
        return (
            "Start Docker Desktop (https://docs.docker.com/desktop/setup/install/mac-install/), or Colima: "
            "`brew install colima docker && colima start`."
        )
    if platform == "win32":
        return (
            "Start Docker Desktop with Linux containers "
            "(https://docs.docker.com/desktop/setup/install/windows-install/): "
            "`winget install Docker.DockerDesktop`."
        )
    if installed:
        return (
            "Start it: `sudo systemctl start docker`; without systemd `sudo service docker start` or `sudo dockerd &`."
        )
    for family in families:
        for name, command in _INSTALL.items():
            if name in family:
                return f"Install and start it: `{command}`."
    return "Install and start Docker Engine: https://docs.docker.com/engine/install/."


def permission_remedy(platform: str) -> str:
    """Say how a user gets to use a daemon that is there."""
    if platform == "linux":
        return (
            'Join its group, `sudo usermod -aG docker "$USER"`, and log in again (members can become root); '
            "or use rootless Docker: https://docs.docker.com/engine/security/rootless/."
        )
    return "Start Docker Desktop (or Colima) as this user, or point DOCKER_HOST to a daemon that is yours."
