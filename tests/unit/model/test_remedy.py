"""What to do about one run: it fits what was recognised, and names options that exist where the user is."""

from __future__ import annotations

import pytest

from memcap.model import Ending, Origin, find_message, remedy_of

RAISING_THE_CAP = ("Raise the cap", "raise the cap")


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("exit code 134; FATAL ERROR: Reached heap limit - JavaScript heap out of memory", "--max-old-space-size"),
        ("signal 6; FATAL ERROR: Reached heap limit - JavaScript heap out of memory", "--max-old-space-size"),
        ('exit code 1; Exception in thread "main" java.lang.OutOfMemoryError: Java heap space', "-Xmx"),
        ("exit code 1; java.lang.OutOfMemoryError: Metaspace", "-XX:MaxMetaspaceSize"),
        ("exit code 1; java.lang.OutOfMemoryError: Direct buffer memory", "-XX:MaxDirectMemorySize"),
        ("exit code 1; java.lang.OutOfMemoryError: unable to create native thread", "threads"),
        ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 512 TiB for an array", "less at once"),
        ("OutOfMemoryException: Out of Memory Error: could not allocate block", "memory_limit"),
        ("exit code 255; PHP Fatal error:  Allowed memory size of 128 bytes exhausted", "memory_limit"),
        ("signal 6; memory allocation of 1099511627776 bytes failed", "ulimit -v"),
        ("RuntimeError: no rows; MemoryError", "killed nothing"),
        ("MemoryError", "killed nothing"),
    ],
)
def test_out_of_memory_by_its_own_limit(detail: str, words: str) -> None:
    remedy = remedy_of(Ending.MEMORY_ERROR, detail, Origin.COMMAND)
    assert words in remedy
    assert not any(promise in remedy for promise in RAISING_THE_CAP)


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("no request succeeded: GET /: 500 Internal Server Error", "of the load"),
        ("it ended by itself in its phase 'load'", "until its stop signal"),
    ],
)
def test_a_server_that_was_incomplete_needs_no_metrics(detail: str, words: str, origin: Origin) -> None:
    assert words in remedy_of(Ending.INCOMPLETE, detail, origin)


def test_no_remedy_of_a_message_promises_that_a_higher_cap_helps() -> None:
    assert not any(promise in Ending.MEMORY_ERROR.remedy for promise in RAISING_THE_CAP)
    assert find_message("MemoryError") is not None
    assert find_message("ValueError: MemoryError") is None


@pytest.mark.parametrize(
    ("filled", "words"),
    [
        ("41.0 MiB of kernel memory (page tables, stacks, slab), 20.1 MiB anonymous", "processes, threads"),
        ("100.0 MiB shared (tmpfs), 20.1 MiB anonymous", "tmpfs"),
        ("100.0 MiB in huge pages, 20.1 MiB anonymous", "--no-thp"),
        ("48.0 MiB in socket buffers", "sockets"),
        ("48.0 MiB of page cache, 20.0 MiB shared (tmpfs)", "mlock"),
        ("48.0 MiB anonymous, 20.0 MiB shared (tmpfs)", "Raise the cap or lower the need."),
    ],
)
def test_what_filled_the_cap_decides(filled: str, words: str) -> None:
    for ending in (Ending.OOM_KILLED, Ending.OOM_CHILD_NOTICED):
        detail = f"1 process was killed; at the cap: {filled}; exit code 1"
        remedy = remedy_of(ending, detail, Origin.COMMAND)
        assert words in remedy or (words == Ending.OOM_KILLED.remedy and remedy == ending.remedy)


def test_what_was_seen_below_the_cap_decides_nothing() -> None:
    detail = "1 process was killed; when last seen: 20.0 MiB shared (tmpfs)"
    assert remedy_of(Ending.OOM_KILLED, detail, Origin.SUITE) == Ending.OOM_KILLED.remedy


@pytest.mark.parametrize(
    ("ending", "detail", "of_suite", "of_command"),
    [
        (Ending.STORAGE_FULL, "SIGBUS; /dev/shm was full (64.0 MiB)", "container.shm_size", "--shm-size"),
        (Ending.FAILED, "exit code 1; /dev/shm was full (64.0 MiB)", "container.shm_size", "--shm-size"),
        (Ending.CRASHED, "signal 11; /dev/shm was full (64.0 MiB)", "container.shm_size", "--shm-size"),
        (Ending.LOAD_FAILED, "ModuleNotFoundError: No module named 'x'", "suite.toml", "Check the command"),
        (Ending.LOAD_FAILED, "program not found in the image: 'x' does not exist", "suite.toml", "Check its name"),
        (Ending.LOAD_FAILED, "'a.sh' needs the interpreter '/bin/ksh', which", "first line", "first line"),
        (Ending.LOAD_FAILED, "FileNotFoundError: [Errno 2] No such file or directory: 'x'", "suite.toml", "Check the"),
        (
            Ending.LOAD_FAILED,
            "the image's ENTRYPOINT: program not found in the image: 'x' does not exist",
            'without the ENTRYPOINT: `container.entrypoint = ""`',
            'Check its name, or install it. To do without the ENTRYPOINT: --entrypoint "".',
        ),
        (
            Ending.LOAD_FAILED,
            "the entrypoint: 'a.sh' is not executable",
            "Check `container.entrypoint` in limits.toml. Make",
            "Check --entrypoint. Make it executable",
        ),
        (Ending.LOAD_FAILED, "the image's ENTRYPOINT: x: error 9", "`container.entrypoint", "--entrypoint"),
        (Ending.TIMED_OUT, "after 90 s", "`time_limit`", "--time-limit"),
        (Ending.TIMED_OUT, "it did not end within 4.0 s of its stop signal", "`grace`", "--grace"),
        (Ending.NOT_STARTED, "the user app, which is not in /etc/passwd or /etc/group", "container.user", "--user"),
        (Ending.NOT_STARTED, "network shop not found", "container.network", "--network"),
        (Ending.NOT_STARTED, "No such container: shop", "container.network", "--network"),
        (Ending.NOT_STARTED, 'invalid tmpfs option ["x"]', "container.tmpfs", "--tmpfs"),
        (Ending.LIMIT_EXCEEDED, "the limit of disk is 1 B; x", "container.disk", "Raise --disk, or write less."),
        (Ending.LIMIT_EXCEEDED, "the limit of CPU time is 1 s; x", "container.cpu_time", "--cpu-time"),
        (
            Ending.LIMIT_EXCEEDED,
            "the limit of file size is 1 B; the limit of disk is",
            "container.file_size",
            "--file-",
        ),
        (Ending.LIMIT_EXCEEDED, "the limit of RSS is 1 B; x", "Raise the limit of the soak", "Raise --max-rss, or"),
        (Ending.LIMIT_EXCEEDED, "signal 24 (SIGXCPU): a limit of CPU time that", "did not set", "`ulimit`"),
        (
            Ending.OOM_KILLED,
            "1 process was killed; at the cap: 100.0 MiB in huge pages",
            "quiet = { thp = false }",
            "--no-thp",
        ),
    ],
)
def test_options_exist_where_the_user_is(ending: Ending, detail: str, of_suite: str, of_command: str) -> None:
    suite, command = remedy_of(ending, detail, Origin.SUITE), remedy_of(ending, detail, Origin.COMMAND)
    assert of_suite in suite
    assert of_command in command
    assert "toml" not in command
    assert "--" not in suite
    assert "--" not in remedy_of(ending, detail, Origin.TEST)


def test_other_endings_have_their_own() -> None:
    for origin in Origin:
        assert remedy_of(Ending.FAILED, "exit code 1", origin) == Ending.FAILED.remedy
        assert remedy_of(Ending.NOT_STARTED, "no such image", origin) == Ending.NOT_STARTED.remedy
