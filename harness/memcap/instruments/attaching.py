"""Attach memray to a Python in a container that runs already, where the container allows it; else say why not."""

from __future__ import annotations

import ast
import io
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from memcap.engine.docker_archive import bring_files
from memcap.engine.docker_client import running_container, translated
from memcap.errors import BuildError, EngineError, PlanError
from memcap.images.archive import Tree, add_folder_files
from memcap.images.inspect import image_facts
from memcap.images.instrumented import INSIDE, memray_files
from memcap.instruments.records import read_noted
from memcap.instruments.session import SITES_FILE
from memcap.model import AllocationProfile, Caveat, CaveatKind, Ending, ImageFacts, ProfileTool

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

SCRIPT: Final = INSIDE.parent / "beside" / "memcap_attach.py"
CAPABLE: Final = "--cap-add SYS_PTRACE"
OTHERWISE: Final = "Or start the same image with the same load: `memcap profile --image IMAGE -- CMD`."
IDLE_SECONDS = 60.0  # for which a debugger waits for the process to allocate or free something
_REMOVE = "import shutil, sys; shutil.rmtree(sys.argv[1])"
_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True)
class Target:
    """A Python process that runs in ``container``, and how to come to it; ``others`` run there too."""

    container: Container
    image: ImageFacts
    python: str
    pid: int
    user: str
    command: str
    others: int
    folder: str


def find_target(client: DockerClient, name: str) -> Target:
    """Return the largest Python process of the container ``name``, with all that attaching to it needs.

    Raises SelectionError for a container that does not exist, PlanError with all that is missing, EngineError.
    """
    container = running_container(client, name)
    with translated(f"look at the image of container {name}"):
        image = container.image
        assert image is not None
        named = str(container.attrs["Config"]["Image"])
    facts = image_facts(client, image, name=named, reference=str(image.id), content_addressed=True)
    if facts.python is None:
        raise PlanError(f"container {name} has no Python to attach to", remedy="Use another language's profiler.")
    python = facts.python.executable
    found = _ask(client, container, python, "look", user="")
    if not found:
        raise PlanError(
            f"no process of container {name} runs {python}, so there is nothing to attach to",
            remedy=OTHERWISE,
        )
    process = found[0]
    pid, user = int(process["pid"]), str(process["user"])
    there = _ask(client, container, python, "check", str(pid), user=user)
    lacking = lacks(facts, there, pid=pid)
    if lacking:
        raise PlanError(
            "\n".join((f"container {name} does not let memray attach to its process {pid}:", *lacking)),
            remedy=OTHERWISE,
        )
    return Target(
        container=container,
        image=facts,
        python=python,
        pid=pid,
        user=user,
        command=" ".join(process["command"]),
        others=len(found) - 1,
        folder=f"{there['folder']}/memcap-{uuid.uuid4().hex[:12]}",
    )


def lacks(image: ImageFacts, there: dict[str, Any], *, pid: int) -> list[str]:
    """Return a line for each thing that attaching needs and ``there`` (``memcap_attach.check``) has not."""
    found = []
    try:
        memray_files(image)
    except BuildError as error:
        found.append(f"- no memray for its Python: {error.message}")
    if there["same"] is False:
        found.append("- it runs another Python than the image's own, which memray would be for")
    if there["refusal"]:
        yama = "absent" if there["yama"] is None else there["yama"]
        effective = "effective" if there["capable"] else "not effective"
        seccomp = "on" if there["filtered"] else "off"
        found.append(
            f"- no permission to ptrace process {pid} ({there['refusal']}; CAP_SYS_PTRACE {effective}, "
            f"kernel.yama.ptrace_scope {yama}, seccomp filter {seccomp}): start it with `{CAPABLE}`"
            " (and without a seccomp profile that forbids ptrace), as root in the container if ptrace_scope is not 0"
        )
    if there["method"] is None:
        found.append("- no debugger: install gdb in the image; CPython 3.14 and newer need none")
    if there["folder"] is None:
        found.append(
            "- no folder to put memray: /tmp and /var/tmp are read-only, noexec, tmpfs, or not writable for its user: "
            "start it without `--read-only`, or with `-v NAME:/tmp`"
        )
    return found


def record(client: DockerClient, target: Target, *, seconds: float, artefacts: Path) -> None:
    """Record the process for so long, and bring what was noted to ``artefacts``; nothing of it stays behind as a file.

    A container that ends meanwhile keeps the folder, as nothing can be executed in it. Raises EngineError where
    attaching fails.
    """
    tree = Tree()
    parent, _, own = target.folder.rpartition("/")
    instruments = PurePosixPath("/", own, "instruments")  # frames of files in there are left out of stacks
    add_folder_files(tree, memray_files(target.image), instruments / "lib")
    for path in (SCRIPT, INSIDE / "memcap_instrument.py"):
        tree.add_file(f"{own}/instruments/{path.name}", path)
    tree.add_folder(f"{own}/noted", mode=0o1777)
    noted = f"{target.folder}/noted"
    archive = io.BytesIO()
    tree.write(archive)
    try:
        with translated(f"put memray into container {target.container.name}"):
            target.container.put_archive(parent, archive.getvalue())
        script = f"{target.folder}/instruments/memcap_attach.py"
        argv = [target.python, "-I", "-B", script, "attach", str(target.pid), str(seconds), str(IDLE_SECONDS), noted]
        code, output, errors = _execute(client, target.container, argv, user=target.user)
        if code != 0 and _still_runs(target):  # else what was recorded until it ended is there
            raise EngineError(
                f"memray could not be attached to process {target.pid} of container {target.container.name}: "
                f"{(errors.strip() or 'it does not say why')[-_SHOWN_CHARACTERS:]}\n"
                f"{output.strip()[-_SHOWN_CHARACTERS:]}".rstrip(),
                remedy=OTHERWISE,
            )
        with translated(f"fetch what was recorded in container {target.container.name}"):
            bring_files(lambda: target.container.get_archive(noted)[0], noted, artefacts)
    finally:  # a process that still records ends that when the folder is gone
        if _still_runs(target):
            _execute(client, target.container, [target.python, "-I", "-c", _REMOVE, target.folder], user="0:0")


def profile_of(target: Target, *, campaign: str, started: str, seconds: float, artefacts: Path) -> AllocationProfile:
    """Return what was noted and rendered in ``artefacts`` as a profile. Raises FileFormatError."""
    noted = read_noted(artefacts)
    for own in (*artefacts.glob("*.txt"), artefacts / SITES_FILE):
        own.unlink()  # all of it is in the profile
    python = target.image.python
    assert python is not None  # else it had not been found
    late = "what was allocated before memray was attached is not in it, whatever still lives of that"
    caveats = [Caveat(kind=CaveatKind.ATTACHED_LATE, detail=late)]
    if target.others:
        detail = f"{target.others + 1} Pythons ran, the largest of them (process {target.pid}) is recorded"
        caveats.append(Caveat(kind=CaveatKind.ATTACHED_TO_ONE, detail=detail))
    return AllocationProfile(
        id=campaign,
        started=started,
        subject=f"container {target.container.name}, process {target.pid}",
        tool=ProfileTool.MEMRAY,
        tool_version=noted.tool_version,
        image=target.image.name,
        python=f"{python.implementation} {python.version}",
        cap_bytes=int(target.container.attrs["HostConfig"].get("Memory") or 0),
        raised_bytes=0,
        ending=Ending.COMPLETED,  # of the recording
        attached_seconds=seconds,
        processes=noted.processes,
        sites=noted.sites,
        sources=noted.sources,
        caveats=(*noted.caveats, *caveats),
    )


def _still_runs(target: Target) -> bool:
    with translated(f"look at container {target.container.name}"):
        target.container.reload()
    return bool(target.container.status == "running")


def _ask(client: DockerClient, container: Container, python: str, *words: str, user: str) -> Any:
    argv = [python, "-I", "-c", SCRIPT.read_text(encoding="utf-8"), *words]
    code, output, errors = _execute(client, container, argv, user=user)
    try:
        return ast.literal_eval(output)
    except (SyntaxError, ValueError) as error:
        raise EngineError(
            f"container {container.name} could not be asked what runs in it (exit code {code}): "
            f"{(errors or output).strip()[-_SHOWN_CHARACTERS:]}",
            remedy=OTHERWISE,
        ) from error


def _execute(client: DockerClient, container: Container, argv: list[str], *, user: str) -> tuple[int | None, str, str]:
    """Run ``argv`` in the container to its end; return its exit code and what it printed to either stream."""
    with translated(f"execute {argv[0]} in container {container.name}"):
        made = client.api.exec_create(container.id, argv, user=user)["Id"]
        pair = client.api.exec_start(made, demux=True)
        code: int | None = client.api.exec_inspect(made)["ExitCode"]
    output, errors = ((each or b"").decode("utf-8", "replace") for each in pair)
    return code, output, errors
