"""Workloads whose need of memory is known beforehand. They run in images and under peers, on Python 3.8 or newer.

Each kind of allocation holds ``mib`` MiB for ``hold`` seconds; with ``mib=0`` it is the empty run of its kind, whose
figure is subtracted. As a program: ``python workloads.py NAME``, for tools that measure programs.
"""

import mmap
import os
import subprocess
import sys
import tempfile
import time

MIB = 1024 * 1024
BLOCK = b"x" * (64 * 1024)


def mapped(size, flags):
    """Return so many bytes of touched memory; at least a page."""
    memory = mmap.mmap(-1, max(size, mmap.PAGESIZE), flags=flags | mmap.MAP_ANONYMOUS)
    for page in range(0, len(memory), mmap.PAGESIZE):
        memory[page] = 1
    return memory


def fill(file, mib):
    """Write so many MiB without ever holding more than a small block of them."""
    for _ in range(mib * MIB // len(BLOCK)):
        file.write(BLOCK)


def bytes_object(mib, hold):
    data = b"x" * (mib * MIB)
    time.sleep(hold)
    return {"size": len(data)}


def numpy_array(mib, hold):
    import numpy

    array = numpy.ones(mib * MIB // 8)
    time.sleep(hold)
    return {"size": array.nbytes}


def private_mmap(mib, hold):
    memory = mapped(mib * MIB, mmap.MAP_PRIVATE)
    time.sleep(hold)
    memory.close()


def shared_mmap(mib, hold):
    memory = mapped(mib * MIB, mmap.MAP_SHARED)
    time.sleep(hold)
    memory.close()


def shared_memory(mib, hold):
    from multiprocessing.shared_memory import SharedMemory

    memory = SharedMemory(create=True, size=max(mib * MIB, mmap.PAGESIZE))
    for page in range(0, memory.size, mmap.PAGESIZE):
        memory.buf[page] = 1
    time.sleep(hold)
    memory.close()
    memory.unlink()


def tmpfs(mib, hold):
    with open("/dev/shm/truth", "wb", buffering=0) as file:
        fill(file, mib)
        time.sleep(hold)
    os.unlink("/dev/shm/truth")


def thread(mib, hold):
    import threading

    worker = threading.Thread(target=bytes_object, args=(mib, hold))
    worker.start()
    worker.join()


def child(mib, hold):
    code = "import sys; sys.path[:0] = [%r]; import workloads; workloads.private_mmap(%d, %f)"
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([sys.executable, "-c", code % (here, mib, hold)], check=True)


def double_fork(mib, hold):
    """A daemon's way: the process that allocates is nobody's child any more.

    It holds 16 MiB more, in the empty run too, whose peak would otherwise be that of three processes forking.
    """
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while os.getppid() != 1:
                time.sleep(0.001)
            private_mmap(16 + mib, hold)
            os.write(writing, b"done")
        os._exit(0)
    os.wait()
    os.read(reading, 4)


def spike(mib, hold, before):
    """Be quiet for a while, need much for a moment (as fast as the kernel can give it), be quiet again."""
    time.sleep(before)
    if mib:
        memory = mmap.mmap(
            -1, mib * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
        )
        time.sleep(hold)
        memory.close()
    time.sleep(before)


def objects(mib, hold):
    """The usual: many small objects, made one after the other, all let go at once."""
    kept = [{"key": number, "text": str(number), "more": [number]} for number in range(mib * 2800)]
    time.sleep(hold)
    return {"count": len(kept)}


def idle(seconds):
    time.sleep(seconds)


def busy(seconds):
    """Need more and less memory in turn, and the processor all the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        mapped(8 * MIB, mmap.MAP_PRIVATE).close()


def crowd(count, seconds):
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(seconds)
            os._exit(0)
    for _ in range(count):
        os.wait()


def file_written(megabytes):
    handle, path = tempfile.mkstemp()
    with open(handle, "wb", buffering=0) as file:
        for _ in range(megabytes * 1000 // 64):
            file.write(b"x" * 64000)
    os.unlink(path)


PROGRAMS = {
    "nothing": lambda: time.sleep(0.1),
    "spike": lambda: bytes_object(200, 0),
    "child": lambda: subprocess.run([sys.executable, "-c", "data = b'x' * %d" % (200 * MIB)], check=True),
    "file": lambda: file_written(100),
    "held": lambda: bytes_object(64, 0.3),
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
