"""What to do about one run, from how it ended and the detail that was stored with that."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from memcap.model.ending import Ending
from memcap.model.out_of_memory import REFUSED, find_message
from memcap.model.program_fault import ProgramFault
from memcap.model.run_limits import RunLimit

# Words of details that remedies depend on; measure/ writes them.
AT_THE_CAP: Final = "at the cap: "
SHM: Final = "/dev/shm"  # noqa: S108 - named, not written to
OF_THE_LIMIT: Final = "the limit of "
ITS_STOP_SIGNAL: Final = "its stop signal"
BY_ITSELF: Final = "it ended by itself"  # how the detail says that a server did not wait for its stop
NO_ANSWER: Final = "no request succeeded"  # to a load
ENTRYPOINT_OF_IMAGE: Final = "the image's ENTRYPOINT"
ENTRYPOINT_GIVEN: Final = "the entrypoint"


class Origin(Enum):
    """Where a run was configured, and so which options its user has."""

    SUITE = "suite"
    COMMAND = "command"
    TEST = "test"


class MemoryKind(Enum):
    """A kind of memory that can fill a cap, with the words that follow its size."""

    ANONYMOUS = "anonymous"
    HUGE = "in huge pages"
    SHARED = "shared (tmpfs)"
    KERNEL = "of kernel memory (page tables, stacks, slab)"
    SOCKETS = "in socket buffers"
    FILE = "of page cache"


_OF_KIND = {
    MemoryKind.SHARED: (
        "Shared memory and files in a tmpfs such as /dev/shm count as memory: delete them sooner or make them smaller, "
        "or raise the cap."
    ),
    MemoryKind.KERNEL: (
        "The kernel's own memory grows with processes, threads, open files, pipes and mappings: use fewer of them, or "
        "raise the cap."
    ),
    MemoryKind.SOCKETS: (
        "Data waits in sockets: read it sooner, or use fewer connections or smaller buffers, or raise the cap."
    ),
    MemoryKind.FILE: (
        "Page cache could not be taken back: look for locked files (mlock), pipes that hold pages of files (splice) "
        "and writes faster than the disk; or raise the cap."
    ),
}
_HUGE = {
    Origin.SUITE: "Turn transparent huge pages off: `quiet = { thp = false }` in suite.toml.",
    Origin.COMMAND: "Turn transparent huge pages off: --no-thp.",
    Origin.TEST: "Transparent huge pages filled the cap: raise the cap, or touch less of large arrays.",
}
_SHM_SIZE = {
    Origin.SUITE: "Use less of it; for a larger /dev/shm, set `container.shm_size` in limits.toml.",
    Origin.COMMAND: "Use less of it; for a larger /dev/shm, use --shm-size.",
    Origin.TEST: "Use less of it; /dev/shm has 64 MiB in the container of a test.",
}
_USE_LESS = {
    RunLimit.CPU_TIME: "let the workload do less",
    RunLimit.DISK: "write less",
    RunLimit.FILE_SIZE: "write smaller files",
    RunLimit.RSS: "keep less in memory",
}
# What a container could not be started for, in the words of the supervisor or of a daemon; the option, and the key of
# limits.toml; and what to correct about it.
_OF_SETTINGS: Final = (
    (
        re.compile(r"the user .*which is not in /etc/passwd"),
        "user",
        "a name must be in /etc/passwd of the image, a number need not be",
    ),
    (
        re.compile(r"[Nn]o such container|network \S+ not found|cannot join network"),
        "network",
        "`docker network ls` lists networks, `docker ps` containers",
    ),
    (re.compile(r"tmpfs"), "tmpfs", "it takes options such as size=64m and mode=1777"),
)
_ENTRYPOINT: Final = {Origin.SUITE: "`container.entrypoint` in limits.toml", Origin.COMMAND: "--entrypoint"}
_NO_ENTRYPOINT: Final = {
    Origin.SUITE: '`container.entrypoint = ""` in limits.toml',
    Origin.COMMAND: '--entrypoint ""',
}
_GRACE: Final = {
    Origin.SUITE: "End on the stop signal, or raise `grace`.",
    Origin.COMMAND: "End on the stop signal, or raise --grace.",
    Origin.TEST: "End on the stop signal, or raise `grace`.",
}
_NOT_OURS: Final = "memcap did not set this limit: look for `ulimit` and setrlimit in the image and the program."
_OF_COMMANDS = {
    Ending.LOAD_FAILED: "Check the command, and that the image has what it needs.",
    Ending.TIMED_OUT: "Raise --time-limit or shorten the workload.",
    Ending.NOT_READY: "Read its output; check --ready, or give it longer: --ready-timeout.",
    Ending.SERVICE_FAILED: "Read the service's last lines; what it needs besides its image goes into suite.toml.",
}


def remedy_of(ending: Ending, detail: str, origin: Origin) -> str:
    """Return what to do about a run that ended like this, in terms of what can be set at its ``origin``."""
    if ending is Ending.LOAD_FAILED:
        return _of_unstarted(detail, origin)
    if ending is Ending.NOT_STARTED:
        return _of_container(detail, origin)
    if ending is Ending.STORAGE_FULL or (SHM in detail and ending in (Ending.FAILED, Ending.CRASHED)):
        return _SHM_SIZE[origin]
    if ending is Ending.TIMED_OUT and detail.endswith(ITS_STOP_SIGNAL):
        return _GRACE[origin]
    if ending is Ending.LIMIT_EXCEEDED:
        return _of_limit(detail, origin)
    if ending is Ending.INCOMPLETE and detail.startswith(NO_ANSWER):
        return "Read the server's output; check the paths, headers and bodies of the load."
    if ending is Ending.INCOMPLETE and BY_ITSELF in detail:
        return "Read its output; a server goes on until its stop signal."
    if ending is Ending.MEMORY_ERROR:
        parts = detail.split("; ")
        messages = (find_message("; ".join(parts[first:])) for first in range(len(parts)))
        return next((message.remedy for message in messages if message), REFUSED)
    if ending in (Ending.OOM_KILLED, Ending.OOM_CHILD_NOTICED):
        kind = _largest_kind(detail)
        if kind is MemoryKind.HUGE:
            return _HUGE[origin]
        return _OF_KIND.get(kind, ending.remedy) if kind else ending.remedy
    return _OF_COMMANDS.get(ending, ending.remedy) if origin is Origin.COMMAND else ending.remedy


def _of_unstarted(detail: str, origin: Origin) -> str:
    fault = next((each for each in ProgramFault if each.words in detail), None)
    of_fault = fault.remedy if fault else ""
    if origin is not Origin.TEST and detail.startswith(f"{ENTRYPOINT_OF_IMAGE}: "):
        return f"{of_fault} To do without the ENTRYPOINT: {_NO_ENTRYPOINT[origin]}.".strip()
    if origin is not Origin.TEST and detail.startswith(f"{ENTRYPOINT_GIVEN}: "):
        return f"Check {_ENTRYPOINT[origin]}. {of_fault}".strip()
    if fault is None:
        return Ending.LOAD_FAILED.remedy if origin is Origin.SUITE else _OF_COMMANDS[Ending.LOAD_FAILED]
    return f"Check `command` in suite.toml. {of_fault}" if origin is Origin.SUITE else of_fault


def _of_container(detail: str, origin: Origin) -> str:
    for words, name, hint in _OF_SETTINGS:
        if words.search(detail) and origin is not Origin.TEST:
            setting = f"--{name}" if origin is Origin.COMMAND else f"`container.{name}` in limits.toml"
            return f"Correct {setting}: {hint}."
    return Ending.NOT_STARTED.remedy


def _of_limit(detail: str, origin: Origin) -> str:
    limit = next((each for each in RunLimit if detail.startswith(f"{OF_THE_LIMIT}{each.words} is")), None)
    if limit is None or origin is Origin.TEST:
        return _NOT_OURS
    of_suite = f"`{limit.key}` in limits.toml" if limit.key else "the limit of the soak"
    setting = limit.option if origin is Origin.COMMAND else of_suite
    return f"Raise {setting}, or {_USE_LESS[limit]}."


def _largest_kind(detail: str) -> MemoryKind | None:
    """Return the kind of memory that is named first of those at the cap."""
    _, found, kinds = detail.partition(AT_THE_CAP)
    places = {kinds.find(kind.value): kind for kind in MemoryKind if found and kind.value in kinds}
    return places[min(places)] if places else None
