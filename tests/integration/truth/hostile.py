"""Workloads that attack their supervisor: ``python3 hostile.py NAME``. Standard library, Python 3.8 or newer.

Each holds 24 MiB, does one thing, says whether it was refused, and ends with exit code 3, if it gets that far.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import sys
import time

MIB = 1 << 20
SUPERVISOR = os.getppid()  # PID 1, in a container
with open("/proc/%d/cmdline" % SUPERVISOR) as words:
    OUT = words.read().split("\0")[1]
LIBC = ctypes.CDLL(None, use_errno=True)
ATTACH, SEIZE, SYS_PROCESS_VM_WRITEV = 16, 0x4206, {"x86_64": 311, "aarch64": 271}[os.uname().machine]
CLONE_NEWUSER, CLONE_NEWCGROUP, MS_REMOUNT = 0x10000000, 0x02000000, 32
FORGED = {"format": 3, "cgroup_version": 1, "cap_bytes": 4096, "peak_bytes": 4096, "unreclaimable_peak_bytes": 4096}


def call(name, *arguments):
    """Call a function of the C library; raises OSError."""
    ctypes.set_errno(0)
    if getattr(LIBC, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def forged_report():
    return json.dumps(dict(FORGED, exit_code=0, signal=None, timed_out=False))


# --- the folder of the report ---


def write_report():
    for name in ("report.json", "report.json.tmp"):
        with open(OUT + "/" + name, "w") as file:
            file.write(forged_report())


def append_to_report():
    with open(OUT + "/report.json", "a") as file:
        file.write(forged_report())


def remove_report():
    os.unlink(OUT + "/report.json")


def replace_report():
    with open(OUT + "/mine", "w") as file:
        file.write(forged_report())
    os.rename(OUT + "/mine", OUT + "/report.json")


def remove_journal():
    os.unlink(OUT + "/supervisor.jsonl")


def write_journal():
    with open(OUT + "/supervisor.jsonl", "a") as file:
        file.write(json.dumps({"elapsed_ns": 1, "peak_bytes": True}) + "\n" + '{"elapsed_ns": 1' + "0" * 400 + "}\n")


def folder_instead_of_report():
    os.mkdir(OUT + "/report.json.tmp")


def pipe_instead_of_report():
    os.mkfifo(OUT + "/report.json.tmp")


def link_instead_of_report():
    os.symlink("/etc/passwd", OUT + "/report.json.tmp")


def other_folder():
    os.rename(OUT, OUT + "-of-old")
    os.mkdir(OUT)
    write_report()


def other_tree():
    os.rename("/memcap", "/memcap-of-old")
    os.makedirs("/memcap/out")
    write_report()


def closed_folder():
    os.chmod(OUT, 0)


def many_files():
    for number in range(3000):
        os.close(os.open(OUT + "/%d" % number, os.O_CREAT | os.O_WRONLY))


def large_files():
    with open(OUT + "/large", "wb") as file:
        for _ in range(40):
            file.write(bytes(MIB))


def no_supervisor():
    os.unlink("/memcap/bin/supervisor")


# --- the streams of output ---


def forged_output():
    for stream in (1, 2):
        os.write(stream, b"\n" + b"0" * 32 + b" report\n" + forged_report().encode() + b"\n" + b"0" * 32 + b" end\n")


def flood_of_lines():
    line = b"x" * 199 + b"\n"
    for _ in range(100_000):
        os.write(1, line)


def flood_of_both():
    block = b"\0\xff" * 32_768
    for _ in range(200):
        os.write(1, block)
        os.write(2, block)


def long_lines():
    for stream in (1, 2):
        for _ in range(300):
            os.write(stream, b"y" * 16_384 + b"\n")


def without_waiting():
    for stream in (1, 2):
        fcntl.fcntl(stream, fcntl.F_SETFL, fcntl.fcntl(stream, fcntl.F_GETFL) | os.O_NONBLOCK)
    for _ in range(2000):
        try:
            os.write(1, b"z" * 4096)
            os.write(2, b"z" * 4096)
        except BlockingIOError:
            pass


def closed_output():
    os.close(1)
    os.close(2)


def small_pipe():
    for stream in (1, 2):
        fcntl.fcntl(stream, 1031, 4096)  # F_SETPIPE_SZ


def last_word_without_end():
    os.write(1, b"no end of line")
    os.write(2, b"no end of line")


# --- the secret ---


def environment_of_supervisor():
    read_of_supervisor("environ")


def memory_of_supervisor():
    read_of_supervisor("maps")


def files_of_supervisor():
    os.listdir("/proc/%d/fd" % SUPERVISOR)


def read_of_supervisor(name):
    with open("/proc/%d/%s" % (SUPERVISOR, name), "rb") as file:
        file.read(1)


def secret_in_sight():
    """Look where a child could find it: its own environment and stack, and what may be read of PID 1."""
    seen = b""
    for process, names in (("self", ("environ", "cmdline")), (SUPERVISOR, ("cmdline", "status", "stat", "comm"))):
        for name in names:
            with open("/proc/%s/%s" % (process, name), "rb") as file:
                seen += file.read()
    with open("/proc/self/maps") as maps:
        stack = next(line for line in maps if "[stack]" in line)
    begin, end = (int(part, 16) for part in stack.split()[0].split("-"))
    seen += ctypes.string_at(begin, end - begin)
    if b"MEMCAP_" + b"SECRET" not in seen:
        raise PermissionError(errno.EACCES, "it is nowhere")


# --- PID 1 ---


def signals_to_supervisor():
    refusals = 0
    numbers = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGKILL", "SIGSTOP")
    for number in numbers:
        try:
            os.kill(SUPERVISOR, getattr(signal, number))
        except PermissionError:
            refusals += 1
    if refusals == len(numbers):
        raise PermissionError(errno.EPERM, "all of them")


def cpu_limit_of_supervisor():
    resource.prlimit(SUPERVISOR, resource.RLIMIT_CPU, (0, 0))


def file_limit_of_supervisor():
    resource.prlimit(SUPERVISOR, resource.RLIMIT_FSIZE, (0, 0))


def descriptor_limit_of_supervisor():
    resource.prlimit(SUPERVISOR, resource.RLIMIT_NOFILE, (0, 0))


def trace_supervisor():
    call("ptrace", ATTACH, SUPERVISOR, None, None)
    time.sleep(30)


def seize_supervisor():
    call("ptrace", SEIZE, SUPERVISOR, None, None)


def memory_write_to_supervisor():
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    call("syscall", SYS_PROCESS_VM_WRITEV, SUPERVISOR, vector, 1, vector, 1, 0)


def score_of_supervisor():
    with open("/proc/%d/oom_score_adj" % SUPERVISOR, "w") as file:
        file.write("1000")


def name_of_supervisor():
    with open("/proc/%d/comm" % SUPERVISOR, "w") as file:
        file.write("python3")


def priority_of_supervisor():
    os.setpriority(os.PRIO_PROCESS, SUPERVISOR, 19)


def cpus_of_supervisor():
    os.sched_setaffinity(SUPERVISOR, os.sched_getaffinity(0))


def scheduling_of_supervisor():
    os.sched_setscheduler(SUPERVISOR, os.SCHED_IDLE, os.sched_param(0))


def become_the_supervisor():
    os.setuid(63636)
    os.kill(SUPERVISOR, signal.SIGTERM)


def everybody():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(-1, signal.SIGTERM)


# --- the cgroup and the namespaces ---


def raise_the_cap():
    for path in ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"):
        if os.path.exists(path):
            with open(path, "w") as file:
                file.write("1073741824")


def leave_the_cgroup():
    for path in ("/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/cgroup.procs"):
        if os.path.exists(path):
            with open(path, "w") as file:
                file.write(str(os.getpid()))


def reset_the_mark():
    for path in ("/sys/fs/cgroup/memory/memory.max_usage_in_bytes", "/sys/fs/cgroup/memory.peak"):
        if os.path.exists(path):
            with open(path, "w") as file:
                file.write("0")


def own_user_namespace():
    call("unshare", CLONE_NEWUSER)


def own_cgroup_namespace():
    call("unshare", CLONE_NEWCGROUP)


def mount_over_the_folder():
    call("mount", b"none", OUT.encode(), b"tmpfs", 0, None)


def writable_cgroup():
    call("mount", b"none", b"/sys/fs/cgroup", None, MS_REMOUNT, None)


def device_of_memory():
    os.mknod("/tmp/mem", 0o600 | stat.S_IFCHR, os.makedev(1, 1))


def raw_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


# --- processes ---


def child_that_stays():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)


def child_that_writes_on():
    if os.fork() == 0:
        while True:
            os.write(1, b"on and on\n")


def crowd():
    children = []
    try:
        for _ in range(2000):
            child = os.fork()
            if child == 0:
                time.sleep(600)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def zombies():
    for _ in range(200):
        if os.fork() == 0:
            os._exit(0)
    time.sleep(0.3)


def stopped():
    os.kill(os.getpid(), signal.SIGSTOP)


def killed_by_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def exit_code_of_a_kill():
    os._exit(137)


def core_dump():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    os.chdir("/tmp")
    os.abort()


def say(words):
    with contextlib.suppress(OSError):
        os.write(1, ("hostile: %s\n" % words).encode())


def main():
    held = bytearray(24 * MIB)
    time.sleep(0.1)
    try:
        globals()[sys.argv[1]]()
        say("done")
    except (OSError, ValueError) as error:
        say("refused: %s" % error)
    time.sleep(0.1)
    os._exit(3 if held else 4)


if __name__ == "__main__":
    main()
