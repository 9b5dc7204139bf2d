"""Files, compression and databases, as programs of the standard library alone use them: `stored.py NAME`."""

import random
import sys
import time

from data import main

MIB = 1024 * 1024


def some_bytes(mib):
    """The same bytes in each run, which can be compressed to a half."""
    return random.Random(1).randbytes(mib * MIB // 2) * 2


def temporary_file():
    """m1, as it was found: pieces of 1 MiB into a temporary file, unbuffered; beside 16 MiB of memory."""
    import tempfile

    kept = bytes(bytearray(16 * MIB))
    time.sleep(0.5)
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(8):
            file.write(b"x" * MIB)
    time.sleep(0.2)
    return kept


def zip_archive():
    """Write and read an archive in memory."""
    import io
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr("file%d" % number, some_bytes(2))
    with zipfile.ZipFile(target) as archive:
        return [archive.read(name) for name in archive.namelist()]


def tar_archive():
    """Write an archive to disk and unpack it there."""
    import io
    import tarfile

    content = some_bytes(4)
    with tarfile.open("archive.tar.gz", "w:gz", compresslevel=1) as archive:
        for number in range(6):
            entry = tarfile.TarInfo("file%d" % number)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with tarfile.open("archive.tar.gz") as archive:
        archive.extractall("unpacked")
    return content


def gzipped():
    import gzip

    packed = gzip.compress(some_bytes(12), 1)
    return packed, gzip.decompress(packed)


def bzipped():
    import bz2

    packed = bz2.compress(some_bytes(2), 9)
    return packed, bz2.decompress(packed)


def lzma_packed():
    import lzma

    packed = lzma.compress(some_bytes(2), preset=6)
    return packed, lzma.decompress(packed)


def sqlite_in_memory():
    import sqlite3

    database = sqlite3.connect(":memory:")
    database.execute("create table t (id integer primary key, name text, value real)")
    rows = ((n, "name %d" % n, n / 3) for n in range(150_000))
    database.executemany("insert into t values (?, ?, ?)", rows)
    database.execute("create index i on t (name)")
    return database, database.execute("select count(*), sum(value) from t").fetchone()


def sqlite_in_a_file():
    """A database that is larger than its cache, with a transaction log and an index made by sorting."""
    import sqlite3

    database = sqlite3.connect("file.db")
    database.execute("pragma cache_size = -8000")
    database.execute("pragma synchronous = off")
    database.execute("create table t (id integer primary key, name text, value real)")
    rows = ((n, "name %d" % (n * 7919 % 150_000), n / 3) for n in range(150_000))
    database.executemany("insert into t values (?, ?, ?)", rows)
    database.execute("create index i on t (name)")
    database.commit()
    return database, database.execute("select count(*) from t where name like 'name 1%'").fetchone()


def rotating_log():
    """A log that is rotated, beside what a program keeps."""
    import logging
    import logging.handlers

    kept = [("%d" % n) * 20 for n in range(100_000)]
    handler = logging.handlers.RotatingFileHandler("app.log", maxBytes=2 * MIB, backupCount=2)
    log = logging.getLogger("app")
    log.addHandler(handler)
    for number in range(60_000):
        log.warning("request %d: a line of the usual length, with some words that nobody will read", number)
    return kept


def mapped_file():
    """A file mapped and searched."""
    import mmap

    kept = bytes(bytearray(16 * MIB))
    with open("large", "wb") as file:
        for _ in range(32):
            file.write(some_bytes(1))
    with open("large", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return kept, content.count(b"needle") if hasattr(content, "count") else content.find(b"needle")


def shared_memory():
    """A block that two names lead to."""
    from multiprocessing import shared_memory

    block = shared_memory.SharedMemory(create=True, size=24 * MIB)
    other = shared_memory.SharedMemory(block.name)
    other.buf[:] = bytes(24 * MIB)
    time.sleep(0.05)
    other.close()
    block.close()
    block.unlink()


if __name__ == "__main__":
    main(
        {
            "tempfile": temporary_file,
            "zipfile": zip_archive,
            "tarfile": tar_archive,
            "gzip": gzipped,
            "bz2": bzipped,
            "lzma": lzma_packed,
            "sqlite-memory": sqlite_in_memory,
            "sqlite-file": sqlite_in_a_file,
            "rotating-log": rotating_log,
            "mmap": mapped_file,
            "shared-memory": shared_memory,
        }
    )
    sys.stdout.flush()
