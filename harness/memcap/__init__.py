"""memcap measures, caps and judges the memory of Python in containers.

`memcap.measure`, `run`, `check`, `merge`, `compare`, `fit`, `profile` and `load_result` are the command line for
programs: docs/python-api.md. They are imported when they are asked for, so that `import memcap` costs nothing.

The words of this project; each has one meaning, and code, messages and documents use no other word for it.

suite
    A folder with a ``suite.toml`` and plain Python files: a set of benchmarks that belong together.
benchmark
    One workload of a suite with its parameters, caps, budget and expected ending.
workload
    The code under measurement: a function, a generator function or a command.
server
    A workload that serves until it is stopped. It is measured under load.
service
    A program that a server needs next to it, such as a database, in a container of its own.
pod
    The containers of one run of a server. They share a network; the server's alone is measured as the run.
load client
    The container of a pod that waits until all is ready, sends the load and tells when each phase ended.
load
    The requests that are sent to a server. Its levels multiply the rate; each level is a load of its own.
phase
    A part of a server's run with figures of its own: start, warm-up, load, idle, collect, stop.
worker
    A process of a server that does its work: a child of the main process, or that itself if it has none.
image
    A container image that workloads run in: a folder under ``images/`` or any reference.
layer
    The image derived from (image, suite): the image plus probe, suite files and locked dependencies.
cap
    The memory limit of a container, set as the cgroup's hard limit, with no swap.
limit
    What a workload may use besides memory, such as CPU time or disk. Breaking one is an ending of its own.
cell
    Benchmark x image x cap; the unit of measuring and judging. Its id reads ``suite.benchmark-image-cap``; a variant,
    such as ``cold`` (without the image's files in the page cache), is named behind the benchmark:
    ``suite.benchmark.cold-image-cap``.
shard
    A part of the cells of a plan, measured by one of several jobs. `memcap merge` makes one result of all of them.
plan
    The ordered cells of one invocation, with how often each is run.
run
    One container in which the workload of a cell was executed once, with its measurement.
attempt
    One try at a run. A try that says nothing about the workload is followed by another, up to three in all. (`memcap
    repro` calls each of its runs at a cap an attempt: it tries to provoke a kill.)
warm-up
    A run whose figures are discarded; it fills the page cache.
engine
    What executes runs: a Docker daemon, or a fake one for tests.
probe
    The code that goes into the container: the supervisor and the runner.
supervisor
    PID 1 of the container; starts the workload, watches the cgroup, survives the workload's OOM kill, reports.
runner
    The Python program that calls a function or generator workload.
supervisor's report
    What the supervisor writes about one run.
measurement
    What one run yielded: ending, figures, caveats.
ending
    How the workload ended; an enum apart from the exit code.
OOM kill
    The kernel killed a process of the container because the cap was reached; proven by a counter.
caveat
    A typed reason to doubt a figure, stored with it, with its remedy.
peak
    The kernel's high-water mark of the cgroup, page cache included: what the cap is compared with.
unreclaimable memory
    What the kernel cannot take back without swap, as docs/measuring.md defines it.
unreclaimable peak
    The most unreclaimable memory of a run: what must fit under the cap.
estimate, interval
    The best single figure of the unreclaimable peak, and the two ends between which the truth certainly lies. They are
    equal where there is no doubt.
RSS peak
    The largest resident set (VmHWM) of any one process.
floor
    The unreclaimable bytes of the container before the workload starts: runtime and supervisor. (The floor of a search
    is the smallest cap that it may try.)
result
    The stored runs of the cells of one campaign.
soak
    A run of minutes up to days that is judged by whether memory grows for good. It outlives the client that began it.
leak
    Memory that grows without end while a program does the same again and again.
sample
    One line of what is seen of a workload over time. In a soak a sample is kept for each interval; the verdict looks at
    the workload more often.
twin
    A second run of what is soaked, beside it, under memray.
baseline
    The committed figures that results are judged against.
base
    The older of two things that are compared, such as the revision of ``--base-ref``; the newer one is the head. (A
    base image is what the image of a Dockerfile is built on.)
verdict
    What a check says of one cell: whether it ended as expected, kept its budget and thresholds, and is like its
    baseline. (That of `memcap repro` is a sentence: who caused the kill.)
report
    What a command shows of results, in one of several formats.
tolerance
    How far a metric may move: a part of the baseline's median and an absolute part. The larger of both, in the
    metric's unit, is the margin.
shift
    How far the values here lie from the baseline's (Hodges-Lehmann), with the interval that surely holds it.
undecided
    The verdict when a shift's interval holds both what is within the margin and what is beyond it.
thresholds
    The absolute figures by which a metric is graded: excellent, good, acceptable, marginal, poor.
alert
    A sign of trouble to come that fails no check.
instrument
    What goes into the container beside the workload to see more of it than its figures, such as memray. It needs memory
    itself, by which the cap is raised, and its runs are never judged.
allocation profile
    What a run with an instrument allocated where: its sites. (A profile alone is a choice of cells in limits.toml.)
site
    The allocations of one stack that lived when most was allocated.
campaign
    One invocation: plan, environment, results.
"""

__version__ = "0.1.0"

__all__ = [
    "CampaignResult",
    "CellResult",
    "CheckOptions",
    "CompareOptions",
    "Compared",
    "ContainerOptions",
    "Ending",
    "FitOptions",
    "FitReport",
    "Judged",
    "MeasureOptions",
    "Measured",
    "Measurement",
    "MemcapError",
    "MergeOptions",
    "Metric",
    "ProfileOptions",
    "Profiled",
    "RunOptions",
    "RunOutcome",
    "ServingOptions",
    "UnexpectedEnding",
    "UsageError",
    "Verdict",
    "VerdictState",
    "__version__",
    "check",
    "compare",
    "fit",
    "load_result",
    "measure",
    "merge",
    "profile",
    "run",
]

TYPE_CHECKING = False  # importing it would cost more than all of this
if TYPE_CHECKING:
    from memcap.api import *
else:

    def __getattr__(name: str) -> object:
        """Import what `memcap.api` has when it is asked for (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module 'memcap' has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - only where it is needed

        found: object = getattr(import_module("memcap.api"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
