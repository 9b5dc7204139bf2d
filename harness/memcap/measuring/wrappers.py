"""Programs that start another one and end as it does, such as an init or a shell. Pure."""

from __future__ import annotations

from typing import Final

from memcap.probe.report import Process, Report

SIGKILL: Final = 9
KILLED_CHILD: Final = 128 + SIGKILL  # the exit code by which a wrapper passes on that its program was killed

# By the name in /proc, which has 15 characters. `exec`, and so env, nice and gosu, leave no process of their own; those
# that do are named for the rare forms in which they wait.
_WRAPPERS: Final = frozenset(
    {
        "tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init",
        "sh", "dash", "bash", "ash", "busybox", "ksh", "mksh", "zsh",
        "env", "gosu", "su-exec", "setpriv", "sudo", "su", "runuser", "timeout", "time", "strace", "xvfb-run", "uv",
    }
)  # fmt: skip


def killed_program(report: Report) -> str | None:
    """Return the name of the wrapper whose one program the kernel killed; None where that is not shown.

    It is shown if the main process is a known wrapper that has had no other child, ended as one does whose program was
    killed, and no process below the program was larger, which the kernel would have taken instead.
    """
    passes_on = report.exit_code == KILLED_CHILD or report.signal == SIGKILL
    main = next((process for process in report.processes if process.peak.pid == report.main_pid), None)
    if not passes_on or not report.oom_kills or main is None or main.peak.name not in _WRAPPERS:
        return None
    program = main
    while program.peak.name in _WRAPPERS:
        children = _children(report, program)
        if len(children) != 1:
            return None
        (program,) = children
    below = _below(report, program)
    if any(process.peak.vm_hwm_bytes > program.peak.vm_hwm_bytes for process in below):
        return None
    return main.peak.name


def _children(report: Report, parent: Process) -> list[Process]:
    return [process for process in report.processes if process.parent_pid == parent.peak.pid and process != parent]


def _below(report: Report, program: Process) -> list[Process]:
    """Return the descendants of ``program``."""
    found: list[Process] = []
    waiting = [program]
    while waiting:
        children = [child for child in _children(report, waiting.pop()) if child not in found]
        found += children
        waiting += children
    return found
