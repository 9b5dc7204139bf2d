"""What a person has to do to get Docker, for each kind of system.

``docs/installing-docker.md`` has the same texts; a test compares them.
"""

from __future__ import annotations

from ci.system import System

_ENABLE = """\
sudo systemctl enable --now docker
sudo usermod -aG docker "$USER"    # then log out and in again"""

# The keys are os-release IDs, tried in the order of ID and ID_LIKE, or sys.platform.
INSTRUCTIONS = {
    "debian": f"""\
sudo apt-get update
sudo apt-get install -y docker.io
{_ENABLE}""",
    "rhel": f"""\
# add Docker's repository as https://docs.docker.com/engine/install/rhel/ says, then:
sudo dnf install -y docker-ce docker-ce-cli containerd.io
{_ENABLE}""",
    "fedora": f"""\
sudo dnf install -y moby-engine
{_ENABLE}""",
    "arch": f"""\
sudo pacman -S --needed docker
{_ENABLE}""",
    "suse": f"""\
sudo zypper install -y docker
{_ENABLE}""",
    "alpine": """\
doas apk add docker
doas rc-update add docker default
doas service docker start
doas addgroup "$USER" docker    # then log out and in again""",
    "linux": f"""\
# install Docker Engine as https://docs.docker.com/engine/install/ says, then:
{_ENABLE}""",
    "darwin": """\
# either Docker Desktop:
brew install --cask docker-desktop
open -a Docker
# or Colima:
brew install colima docker
colima start --cpu 2 --memory 8""",
    "win32": """\
winget install --exact --id Docker.DockerDesktop
# then start Docker Desktop and wait until it says that the engine is running (Linux containers)""",
}

START = "sudo systemctl start docker    # without systemd: sudo service docker start"

JOIN_GROUP = """\
sudo usermod -aG docker "$USER"    # then log out and in again"""


def how_to_install(system: System) -> str:
    """Return the commands that install and start Docker on ``system``."""
    if system.platform == "linux":
        found = (INSTRUCTIONS[name] for name in system.distributions if name in INSTRUCTIONS)
        return next(found, INSTRUCTIONS["linux"])
    return INSTRUCTIONS.get(system.platform, INSTRUCTIONS["linux"])


def what_to_do(system: System, *, forbidden: bool) -> str:
    """Return the sentence and the commands for a user whose daemon does not answer, or refuses them."""
    if system.chosen_daemon:
        return (
            f"{system.chosen_daemon} chooses this daemon, so none is installed here. "
            "Start that one, correct the setting, or unset it to use this machine's."
        )
    if forbidden and system.platform == "linux":
        return f"The daemon is there, but this user may not use it. Join its group:\n{_indented(JOIN_GROUP)}"
    if system.platform == "linux" and system.has_dockerd:
        return f"Docker is installed but not running. Start it:\n{_indented(START)}"
    return f"Install Docker and start it:\n{_indented(how_to_install(system))}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
