"""Workloads whose memory and ending are known beforehand. They run in containers, on Python 3.8 or newer."""

import mmap
import os
import resource
import signal
import subprocess
import sys
import time

MIB = 1024 * 1024


def nothing():
    """The interpreter's own need, held long enough to be sampled."""
    time.sleep(0.1)


def allocate(mib):
    """Map and touch exactly so many MiB of anonymous memory, and let go at once."""
    memory = mmap.mmap(-1, mib * MIB)
    for page in range(0, mib * MIB, mmap.PAGESIZE):
        memory[page] = 1
    memory.close()


def fill_journal(mib):
    """Write more than memcap takes back to the journal that the runner keeps of this call."""
    with open("/memcap/out/workload.jsonl", "ab") as journal:
        journal.write(bytes(mib * MIB))


def allocate_in_child(mib):
    """Allocate in a child process, so that only the cgroup can see it."""
    code = "import sys; sys.path[:0] = ['/memcap/suite']; import workloads; workloads.allocate(%d)" % mib
    subprocess.run([sys.executable, "-c", code], check=True)


def write_file(mib):
    """Write a file: page cache, which the kernel takes back when it needs the memory."""
    block = b"x" * MIB
    with open("/tmp/file", "wb") as file:
        for _ in range(mib):
            file.write(block)
    return {"written": os.path.getsize("/tmp/file")}


def child_killed(swallow):
    """Let a child be killed at the cap; end as if nothing had happened, or with its status."""
    ended = subprocess.run([sys.executable, "-c", "b = bytearray(1 << 30)"], check=False).returncode
    assert ended == -signal.SIGKILL, ended
    if not swallow:
        sys.exit(3)


def child_killed_and_hang():
    """Wait for ever for an answer of a child that was killed at the cap."""
    subprocess.run([sys.executable, "-c", "b = bytearray(1 << 30)"], check=False)
    time.sleep(600)


def memory_error():
    """Ask for more than the address space allows."""
    resource.setrlimit(resource.RLIMIT_AS, (512 * MIB, 512 * MIB))
    bytearray(1024 * MIB)


def memory_error_survived():
    """Ask for too much, and go on with less."""
    try:
        memory_error()
    except MemoryError:
        return {"survived": 1}


def raises():
    raise ValueError("no such luck: \u2615 \x1b[31m")


def exits(code):
    sys.exit(code)


def crash():
    os.abort()


def sleep_for_ever():
    time.sleep(600)


def chatter(mib):
    """Print so many MiB, then a last line."""
    line = "x" * 1023 + "\n"
    for _ in range(mib * 1024):
        sys.stdout.write(line)
    sys.stdout.flush()
    raise RuntimeError("the last words")


def orphan():
    """Leave a process behind that would outlive us."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)


def cycles(kept):
    """Yield for ever; clean up when closed."""
    store = []
    try:
        while True:
            store.append(bytes(kept))
            yield {"entries": len(store)}
    finally:
        print("cleaned up after", len(store))


def held(mib):
    """Hold exactly so many MiB more after each cycle, for ever."""
    kept = []
    while True:
        kept.append(mmap.mmap(-1, mib * MIB))
        for page in range(0, mib * MIB, mmap.PAGESIZE):
            kept[-1][page] = 1
        time.sleep(0.01)  # long enough to be sampled
        yield {}


def wrong_metrics():
    return {"name": "not a number"}


def leave_when_asked():
    """Work until somebody stops the container, then end in order."""

    def leave(number, frame):
        print("cleaned up", flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    print("ready", flush=True)
    time.sleep(600)


def crowd(count, seconds):
    """Be many processes at once; what is left of them when we end is ended by the supervisor."""
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    time.sleep(seconds)


def sawtooth(seconds):
    """Need more and less memory in turn."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        allocate(8)
        time.sleep(0.01)


def fill_shared_memory(mib, through):
    """Fill /dev/shm by writing, or through a mapping, where a full file system is a signal and not an error."""
    with open("/dev/shm/filler", "wb+") as file:
        if through == "mapping":
            file.truncate(mib * MIB)
            memory = mmap.mmap(file.fileno(), mib * MIB)
            for page in range(0, mib * MIB, mmap.PAGESIZE):
                memory[page] = 1
        else:
            block = b"x" * MIB
            for _ in range(mib):
                file.write(block)


def pool_of_the_killed():
    """Wait for a pool, one of whose workers was killed at the cap: it waits for ever."""
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(bytearray, [1 << 30])


def grow_for_ever(mib_per_second):
    """Take more and more memory, slowly enough to be looked at."""
    kept = []
    while True:
        kept.append(bytearray(mib_per_second * MIB // 10))
        time.sleep(0.1)


def surroundings():
    """Tell what the kernel allows this process: its CPUs, huge pages (1: yes), and its personality(2)."""
    with open("/proc/self/status") as status:
        facts = dict(line.rstrip("\n").split(":\t", 1) for line in status)
    with open("/proc/self/personality") as personality:
        kind = int(personality.read(), 16)
    return {"cpus": len(os.sched_getaffinity(0)), "thp": int(facts["THP_enabled"]), "personality": kind}


def shared_by_two(mib, seconds):
    """Two children touch the same memory, which the parent made and does not touch."""
    memory = mmap.mmap(-1, mib * MIB)  # shared and anonymous
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            for page in range(0, mib * MIB, mmap.PAGESIZE):
                memory[page] = 1
            time.sleep(seconds)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
