"""Programs whose memory is hard to tell: ``python3 hard.py NAME [NUMBER]``. Standard library, Python 3.8 or newer."""

import ctypes
import fcntl
import json
import logging
import logging.handlers
import mmap
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import time
import zipfile

MIB = 1 << 20
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, POPULATE, SET_PIPE_SIZE = 8, 14, 15, 0x8000, 1031
BLOCK = bytes(64 * 1024)


def idle():
    """The interpreter with these modules: what all others need as well."""
    time.sleep(0.2)


def temporary_file():
    """8 MiB of page cache come and go within a few milliseconds."""
    time.sleep(0.3)
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(128):
            file.write(BLOCK)
    time.sleep(0.2)


def zip_file():
    """An archive that is written, read and removed, three times."""
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.zip")
            with zipfile.ZipFile(path, "w") as archive:
                for number in range(64):
                    archive.writestr(str(number), BLOCK)
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    archive.read(name)
        time.sleep(0.05)


def database():
    """A database file with its journal."""
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            connection = sqlite3.connect(os.path.join(folder, "a.db"))
            connection.execute("create table t (a blob)")
            for _ in range(4):
                connection.executemany("insert into t values (?)", [(BLOCK[:1000],) for _ in range(500)])
                connection.commit()
            connection.close()


def rotating_log():
    """A configuration that is read, and a log whose oldest files are removed."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "settings.json")
        with open(path, "w") as file:
            json.dump({str(number): number for number in range(1000)}, file)
        with open(path) as file:
            json.load(file)
        handler = logging.handlers.RotatingFileHandler(os.path.join(folder, "a.log"), maxBytes=MIB, backupCount=2)
        logger = logging.getLogger("hard")
        logger.addHandler(handler)
        logger.propagate = False
        for number in range(20000):
            logger.error("line %d of the log of a program", number)


def spike_beside_cache():
    """20 MiB of page cache, then 20 MiB of memory for a moment."""
    with open("/tmp/file", "wb", buffering=0) as file:
        for _ in range(320):
            file.write(BLOCK)
    time.sleep(0.3)
    memory = mmap.mmap(-1, 20 * MIB, flags=PRIVATE | POPULATE)
    memory.close()
    time.sleep(0.2)


def spike_beside_mapped_file():
    """20 MiB of memory for a moment, and a byte written to each MiB of a mapped file of 48 MiB.

    The file was written in large pieces, so the kernel may keep it in large folios, and a byte makes all of one dirty.
    """
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(48):
            file.write(bytes(MIB))
        os.fsync(file.fileno())
        mapped = mmap.mmap(file.fileno(), 0)
    time.sleep(0.3)
    memory = mmap.mmap(-1, 20 * MIB, flags=PRIVATE | POPULATE)
    memory.close()
    for offset in range(0, 48 * MIB, MIB):
        mapped[offset] = 1
    time.sleep(0.2)


def sockets():
    """48 MB of data that nobody reads, in TCP sockets."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.bind(("127.0.0.1", 0))
    server.listen(200)
    kept, sent = [], 0
    while sent < 48000000 and len(kept) < 400:
        client = socket.create_connection(server.getsockname())
        client.setblocking(False)
        kept += [client, server.accept()[0]]
        try:
            while sent < 48000000:
                sent += client.send(BLOCK)
        except BlockingIOError:
            pass
    time.sleep(1)


def pages_in_pipes(mib, deleted=0):
    """Pages of a file that cannot be dropped, as pipes hold them; of one that is deleted no counter tells."""
    number = os.open("/tmp/file", os.O_RDWR | os.O_CREAT)
    for _ in range(mib * 16):
        os.write(number, BLOCK)
    libc = ctypes.CDLL(None, use_errno=True)
    kept, offset = [], ctypes.c_longlong(0)
    while offset.value < mib * MIB:
        reader, writer = os.pipe()
        fcntl.fcntl(writer, SET_PIPE_SIZE, MIB)
        kept += [reader, writer]
        for _ in range(16):
            libc.splice(number, ctypes.byref(offset), writer, None, ctypes.c_size_t(65536), 0)
    if deleted:
        os.unlink("/tmp/file")
        os.close(number)
    time.sleep(0.3)


def bytes_in_pipes(mib):
    """Bytes that nobody reads, in pipes."""
    for _ in range(mib * 16):
        os.write(os.pipe()[1], BLOCK)
    time.sleep(0.3)


def bytes_in_unix_sockets(mib):
    """Bytes that nobody reads, in Unix sockets: a block of 32 KiB is kept with 704 bytes about it."""
    kept = []
    for _ in range(mib * 8):
        kept += socket.socketpair()
        for _ in range(4):
            kept[-1].send(BLOCK[: 32 << 10])
    time.sleep(0.3)


def lazily_freed(again):
    """64 MiB given back lazily while 64 MiB more are touched; then all is touched again, if asked."""
    first, second = (mmap.mmap(-1, 64 * MIB, flags=PRIVATE) for _ in range(2))
    _advise(first, MADV_NOHUGEPAGE)
    _advise(second, MADV_NOHUGEPAGE)
    _touch(first)
    _advise(first, MADV_FREE)
    _touch(second)
    if again:
        _touch(first)
    time.sleep(0.3)


def locked_file(mib):
    """A file whose pages are locked."""
    with open("/tmp/file", "w+b", buffering=0) as file:
        for _ in range(mib * 16):
            file.write(BLOCK)
        pages = mmap.mmap(file.fileno(), mib * MIB)
        _touch(pages)
        start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        if ctypes.CDLL(None).mlock(ctypes.c_void_p(start), ctypes.c_size_t(mib * MIB)):
            sys.exit("mlock is refused")
        time.sleep(0.4)


def many_mappings(count):
    """Map as many small files, which stay open by that, and hold 16 MiB."""
    held = [bytearray(16 * MIB)]
    for number in range(count):
        with open("/tmp/mapped-%d" % number, "wb+") as file:
            file.write(b"x" * 4096)
            file.flush()
            held.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    time.sleep(0.3)
    return held


def many_names(count):
    """Empty files in one folder: their names and inodes are kernel memory that can be taken back."""
    os.mkdir("/tmp/many")
    for number in range(count):
        os.close(os.open("/tmp/many/%d" % number, os.O_CREAT | os.O_WRONLY))
    time.sleep(0.1)


def nobody_waits():
    """A child that is reaped by nobody uses a second of CPU time."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        end = time.process_time() + 1
        while time.process_time() < end:
            pass
        os._exit(0)
    while os.path.exists("/proc/%d" % child):
        time.sleep(0.01)


def child_offers_itself():
    """A child that asks to be killed first fills the cap; its parent waits for it and ends well."""
    kept = bytearray(40 * MIB)
    if os.fork() == 0:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("300")
        more = []
        while True:
            more.append(bytearray(MIB))
            time.sleep(0.005)
    _, status = os.wait()
    assert os.WIFSIGNALED(status), status
    del kept


def sparse_huge_pages():
    """One byte in each 2 MiB of 256 MiB, for which huge pages were asked."""
    memory = mmap.mmap(-1, 256 * MIB, flags=PRIVATE)
    _advise(memory, MADV_HUGEPAGE)
    for position in range(0, 256 * MIB, 2 * MIB):
        memory[position] = 1
    time.sleep(0.2)


def mapped_files(folder):
    """Map and read all files below a folder of the image."""
    kept = []
    for place, _, names in os.walk(folder):
        for path in (os.path.join(place, name) for name in names):
            if os.path.isfile(path) and os.path.getsize(path):
                with open(path, "rb") as file:
                    kept.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                    _read(kept[-1])
    time.sleep(0.2)


def _advise(memory, advice):
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(len(memory)), advice)


def _touch(memory):
    for position in range(0, len(memory), mmap.PAGESIZE):
        memory[position] = 1


def _read(memory):
    return sum(memory[position] for position in range(0, len(memory), mmap.PAGESIZE))


if __name__ == "__main__":
    globals()[sys.argv[1]](*(int(word) if word.isdigit() else word for word in sys.argv[2:]))
