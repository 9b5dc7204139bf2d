"""Attach memray to a Python that runs already, from a process beside it in the same container.

    python memcap_attach.py look              which Pythons run here: a literal of Python
    python memcap_attach.py check PID         what is there of all that attaching needs, and what is not
    python memcap_attach.py attach PID SECONDS IDLE_SECONDS FOLDER

The first two are handed to ``python -c`` by memcap, before there is any file of it in the container. The last runs from
its place beside ``lib``, with memray; ``begin`` is called in the process itself. Nothing here may fail the program.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from typing import Any

PTRACE_SEIZE = 0x4206  # stops nothing, and ends with this process
CAP_SYS_PTRACE = 19
FOLDERS = ("/tmp", "/var/tmp")  # noqa: S108 - the container's
LOOK_SECONDS = 0.1
ENDED = "ended.txt"
BEGIN = """
import importlib.util
spec = importlib.util.spec_from_file_location("memcap_attach", %r)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.begin(%r, %r)
"""


def look() -> "list[dict[str, Any]]":
    """Return all processes that run this Python, or may do so where that cannot be seen, the largest first."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            words = read("/proc/%s/cmdline" % name).split("\0")[:-1]
            status = status_of(name)
        except OSError:  # it ended
            continue
        named = bool(words) and os.path.basename(words[0]).startswith("python")
        same = runs_this(int(name))
        if same or (named and same is None):
            uid, gid = (status[key].split()[1] for key in ("Uid", "Gid"))
            resident = int(status.get("VmRSS", "0").split()[0])
            found.append({"pid": int(name), "user": uid + ":" + gid, "command": words, "resident_kib": resident})
    return sorted(found, key=lambda each: -each["resident_kib"])


def check(pid: int) -> "dict[str, Any]":
    """Return what is there: ``method`` and ``folder`` or None, ``refusal`` of ptrace or "", and what that hangs on.

    ``same``: whether it runs this Python, None where that cannot be seen.
    """
    status = status_of("self")
    return {
        "method": method(),
        "refusal": refusal(pid),
        "same": runs_this(pid),
        "capable": bool(int(status["CapEff"], 16) >> CAP_SYS_PTRACE & 1),
        "filtered": status.get("Seccomp") == "2",
        "yama": yama(),
        "folder": next((folder for folder in FOLDERS if fits(folder)), None),
    }


def method() -> "str | None":
    """Return how to come in. lldb 14 does come in, but cannot be told to leave a program that allocates nothing."""
    import shutil

    return "sys.remote_exec" if hasattr(sys, "remote_exec") else shutil.which("gdb") and "gdb"


def runs_this(pid: int) -> "bool | None":
    try:
        return os.readlink("/proc/%d/exe" % pid) == os.path.realpath(sys.executable)
    except OSError:  # another user's
        return None


def refusal(pid: int) -> str:
    """Return why the kernel lets this process not trace ``pid``, "" if it does; it is asked, and nothing is stopped."""
    try:
        import ctypes

        ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    except (ImportError, OSError, AttributeError):  # a Python without ctypes: the debugger will find out
        return ""
    ptrace.argtypes, ptrace.restype = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p], ctypes.c_long
    return "" if ptrace(PTRACE_SEIZE, pid, None, None) == 0 else os.strerror(ctypes.get_errno())


def yama() -> "int | None":
    try:
        return int(read("/proc/sys/kernel/yama/ptrace_scope"))
    except (OSError, ValueError):  # a kernel without it
        return None


def fits(folder: str) -> bool:
    """Say whether this user may write there, libraries may be loaded from there, and the daemon can put files there."""
    if not os.access(folder, os.W_OK | os.X_OK) or os.statvfs(folder).f_flag & (os.ST_NOEXEC | os.ST_RDONLY):
        return False
    kinds = {line.split()[1]: line.split()[2] for line in read("/proc/self/mounts").splitlines()}
    return kinds.get(folder) != "tmpfs"  # the daemon writes below one that is mounted in the container


def status_of(name: str) -> "dict[str, str]":
    lines = (line.partition(":") for line in read("/proc/%s/status" % name).splitlines())
    return {key: value.strip() for key, _, value in lines}


def read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "replace")


def attach(pid: int, seconds: float, idle_seconds: float, folder: str) -> str:
    """Let ``pid`` begin to record, and wait until it has ended that; return what went wrong, or "".

    A debugger comes in where memory is allocated or freed; for that it is waited no longer than ``idle_seconds``.
    """
    import threading
    import time

    command = attaching()
    inside, given_up = threading.Event(), threading.Event()
    threading.Thread(target=give_up, args=(folder, idle_seconds, inside, given_up), daemon=True).start()
    try:
        client = command.inject_control_channel(method(), pid, verbose=True)
    except Exception as error:
        if given_up.is_set():
            return "it allocated and freed nothing for %.0f s, so that the debugger could not come in" % idle_seconds
        return "%s: %s" % (type(error).__name__, error)
    finally:
        inside.set()
    client.sendall((BEGIN % (os.path.abspath(__file__), folder, seconds)).encode())
    client.shutdown(1)
    wrong = b"".join(iter(lambda: client.recv(4096), b"")).decode("utf-8", "replace")
    if wrong:
        return wrong
    while not os.path.exists(os.path.join(folder, ENDED)):
        if not os.path.exists("/proc/%d" % pid) or not os.path.isdir(folder):
            return ""  # what was recorded until then is there; or memcap was interrupted
        os.write(1, b".")  # memcap hears that this is not stuck
        time.sleep(LOOK_SECONDS)
    return ""


def give_up(folder: str, idle_seconds: float, inside: "threading.Event", given_up: "threading.Event") -> None:
    """End the debugger if it waits too long, or if the folder is gone, as memcap was interrupted.

    It is interrupted, not ended: on SIGTERM gdb 13 leaves its breakpoints in the program, which dies of them.
    """
    import signal
    import time

    last = time.monotonic() + idle_seconds
    while not inside.wait(LOOK_SECONDS):
        if time.monotonic() > last or not os.path.isdir(folder):
            given_up.set()
            for name in os.listdir("/proc"):
                try:
                    if name.isdigit() and status_of(name)["PPid"] == str(os.getpid()):
                        os.kill(int(name), signal.SIGINT)
                except OSError:  # it ended
                    continue
            return


def attaching() -> "Any":
    """Return memray's command; its siblings need rich and textual, and are not needed."""
    library = instrument()._import_memray(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
    for name in ("memray.commands", "memray.commands.live", "memray.commands.run"):
        module = type(sys)(name)
        module.__path__ = [os.path.join(os.path.dirname(library.__file__), "commands")]
        module.LiveCommand = object  # type: ignore[attr-defined]
        module._get_free_port = None  # type: ignore[attr-defined]
        sys.modules[name] = module
    import importlib

    return importlib.import_module("memray.commands.attach").AttachCommand()


def instrument() -> "Any":
    """Return ``memcap_instrument``, which lies beside this file."""
    import importlib.util

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "memcap_instrument.py")
    spec = importlib.util.spec_from_file_location("memcap_instrument", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def begin(folder: str, seconds: float) -> None:
    """Record this process for so long, or until the folder is gone. Called in it."""
    import atexit

    start_thread, new_lock = original("_thread", "start_new_thread"), original("_thread", "allocate_lock")
    clock, sleep = original("time", "monotonic"), original("time", "sleep")
    own = instrument()
    memray = own._import_memray(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
    memray.set_log_level(40)
    destination = memray.FileDestination(
        os.path.join(folder, "capture-%d.bin" % os.getpid()), overwrite=True, compress_on_exit=False
    )
    tracker = memray.Tracker(destination=destination)
    tracker.__enter__()
    lock, running = new_lock(), [True]

    def end() -> None:
        with lock:
            if running:
                running.clear()
                tracker.__exit__(None, None, None)
                if os.path.isdir(folder):
                    own._write(os.path.join(folder, ENDED), "")

    def wait() -> None:
        last = clock() + seconds
        while running and clock() < last and os.path.isdir(folder):
            sleep(LOOK_SECONDS)
        end()
        atexit.unregister(end)

    own._introduce(folder, tool="memray", version=memray.__version__)
    atexit.register(end)
    start_thread(wait, ())


def original(module: str, name: str) -> "Any":
    """Return what Python has, in a program in which gevent or eventlet may have put their own in its place.

    Their threads would only run when the program gives way to them, in a thread of which they know nothing.
    """
    if "gevent.monkey" in sys.modules:
        return sys.modules["gevent.monkey"].get_original(module, name)
    if "eventlet.patcher" in sys.modules:
        return getattr(sys.modules["eventlet.patcher"].original(module), name)
    return getattr(__import__(module), name)


if __name__ == "__main__":
    if sys.argv[1] == "look":
        sys.stdout.write(ascii(look()))
    elif sys.argv[1] == "check":
        sys.stdout.write(ascii(check(int(sys.argv[2]))))
    else:
        sys.exit(attach(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]) or 0)
