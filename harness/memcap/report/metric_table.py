"""Every metric that memcap exposes. A foreign name is used only for what is the same quantity there.

cAdvisor: https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md. OpenTelemetry:
https://opentelemetry.io/docs/specs/semconv/system/container-metrics/
"""

from __future__ import annotations

from typing import Final

from memcap.report.metric_family import MetricFamily, MetricKind

_ALL: list[MetricFamily] = []


def _gauge(name: str, text: str, *, like: str = "") -> MetricFamily:
    return _add(MetricFamily(name=name, kind=MetricKind.GAUGE, help=text, like=like))


def _counter(name: str, text: str, *, like: str = "") -> MetricFamily:
    return _add(MetricFamily(name=name, kind=MetricKind.COUNTER, help=text, like=like))


def _info(name: str, text: str) -> MetricFamily:
    return _add(MetricFamily(name=name, kind=MetricKind.INFO, help=text))


def _states(name: str, text: str) -> MetricFamily:
    return _add(MetricFamily(name=name, kind=MetricKind.STATESET, help=text))


def _add(family: MetricFamily) -> MetricFamily:
    _ALL.append(family)
    return family


# Of others. None of them is exposed for plain processes, which have no cgroup.
USAGE: Final = _gauge(
    "container_memory_usage_bytes",
    "Memory that the cgroup is charged for, page cache included.",
    like="cAdvisor; OpenTelemetry container.memory.usage",
)
MAX_USAGE: Final = _gauge(
    "container_memory_max_usage_bytes",
    "High-water mark of the cgroup, by the kernel: peak in memcap's reports.",
    like="cAdvisor",
)
SPEC_LIMIT: Final = _gauge(
    "container_spec_memory_limit_bytes",
    "Memory limit of the cgroup: the cap plus what the supervisor needs.",
    like="cAdvisor",
)
OOM_EVENTS: Final = _counter(
    "container_oom_events", "Processes that the kernel killed at the limit of the container.", like="cAdvisor"
)

# Of one container: a run, or a soak.
CAP: Final = _gauge("memcap_cap_bytes", "Memory limit that the workload was promised; without one there is no sample.")
UNRECLAIMABLE_PEAK: Final = _gauge(
    "memcap_unreclaimable_peak_bytes", "Most memory of a run that the kernel could not take back without swap."
)
UNRECLAIMABLE_PEAK_LOW: Final = _gauge(
    "memcap_unreclaimable_peak_low_bytes", "The true unreclaimable peak is at least this."
)
UNRECLAIMABLE_PEAK_HIGH: Final = _gauge(
    "memcap_unreclaimable_peak_high_bytes", "The true unreclaimable peak is at most this."
)
PEAK: Final = _gauge(
    "memcap_peak_bytes", "Most memory of plain processes, which have no cgroup; see container_memory_max_usage_bytes."
)
RSS_PEAK: Final = _gauge("memcap_rss_peak_bytes", "Largest resident set of any one process of a run.")
FLOOR: Final = _gauge("memcap_floor_bytes", "What the container held before the workload was started.")
WALL: Final = _gauge("memcap_wall_seconds", "Time of a run from start to end.")
CPU: Final = _gauge("memcap_cpu_seconds", "CPU time of a run, without the supervisor's.")
RUN: Final = _info("memcap_run", "How a run ended.")
WORKLOAD_METRIC: Final = _gauge("memcap_workload_metric", "A figure that the workload itself returned, by its name.")
# of a server among them,
PHASE_PEAK: Final = _gauge(
    "memcap_phase_unreclaimable_peak_bytes", "Most unreclaimable memory in a phase of a server's run."
)
LOAD_REQUESTS: Final = _gauge("memcap_load_requests", "Requests that were to be sent in a load.")
LOAD_ERRORS: Final = _gauge("memcap_load_errors", "Requests of a load that failed.")
LOAD_RATE: Final = _gauge("memcap_load_requests_per_second", "Requests a second that a load came to.")
LOAD_LATENCY: Final = _gauge(
    "memcap_load_latency_seconds", "Latency of the requests of a load, by percentile, from when they were due."
)

# Of a result.
CELL: Final = _info("memcap_cell", "What a cell is made of.")
CAMPAIGN: Final = _info("memcap_campaign", "Where the cells were measured, and with what.")
CAMPAIGN_START: Final = _gauge("memcap_campaign_start_time_seconds", "When the campaign began, as a Unix time.")
VERDICT: Final = _states("memcap_verdict", "What the check says of a cell.")
CHANGE: Final = _gauge(
    "memcap_change_ratio", "By which part of the baseline's median the median of a metric lies above it."
)
EXIT_CODE: Final = _gauge("memcap_check_exit_code", "Exit code that memcap check has with these verdicts.")

# Of a soak: its samples,
UNRECLAIMABLE: Final = _gauge(
    "memcap_unreclaimable_bytes", "Memory that the kernel could not take back without swap, at a sample."
)
UNRECLAIMABLE_LOW: Final = _gauge(
    "memcap_unreclaimable_low_bytes", "Least unreclaimable memory since the look before the sample."
)
HUGE: Final = _gauge("memcap_huge_bytes", "Part of the anonymous memory that is in huge pages.")
RSS: Final = _gauge("memcap_rss_bytes", "Resident memory of all processes; shared pages count in each of them.")
VMS: Final = _gauge("memcap_vms_bytes", "Address space of all processes.")
PSS: Final = _gauge("memcap_pss_bytes", "Proportional share of memory of all processes.")
PROCESSES: Final = _gauge("memcap_processes", "Processes of the workload.")
THREADS: Final = _gauge("memcap_threads", "Threads of the workload.")
OPEN_FILES: Final = _gauge("memcap_open_files", "Open file descriptors of the workload.")
WORK: Final = _counter("memcap_work", "Cycles of a generator, calls of a function, or requests, done so far.")
WORK_FAILED: Final = _counter("memcap_work_failed", "Requests that failed so far.")
WORK_TIME: Final = _gauge("memcap_work_time_seconds", "Times of the work since the look before, by percentile.")
GC_OBJECTS: Final = _gauge("memcap_gc_objects", "Objects that Python's garbage collector tracks.")
GC_COLLECTIONS: Final = _counter("memcap_gc_collections", "Collections of Python's garbage collector.")
TRACEMALLOC: Final = _gauge("memcap_tracemalloc_bytes", "Memory that lives, by tracemalloc.")
TRACEMALLOC_PEAK: Final = _gauge("memcap_tracemalloc_peak_bytes", "Most memory that lived, by tracemalloc.")
# and its verdict.
SOAK: Final = _info("memcap_soak", "What is soaked, and where.")
SOAK_RUNNING: Final = _gauge("memcap_soak_running", "Whether the soak still runs: 1, or 0.")
SOAK_ELAPSED: Final = _gauge("memcap_soak_elapsed_seconds", "How long the workload has run.")
SOAK_DURATION: Final = _gauge("memcap_soak_duration_seconds", "How long it is to run.")
MAX_RSS: Final = _gauge("memcap_max_rss_bytes", "Resident memory of all processes that ends the soak.")
LEAK_CLASS: Final = _states("memcap_leak_class", "The shape of memory over time, by the verdict.")
LEAK: Final = _gauge("memcap_leak", "Whether memory leaks: 1, or 0; no sample where the data do not say.")
GROWTH: Final = _gauge("memcap_growth_bytes_per_second", "How fast memory grows after the warm-up.")
GROWTH_LOW: Final = _gauge("memcap_growth_low_bytes_per_second", "The true growth is at least this.")
GROWTH_HIGH: Final = _gauge("memcap_growth_high_bytes_per_second", "The true growth is at most this.")
DETECTABLE: Final = _gauge(
    "memcap_detectable_growth_bytes_per_second", "Smallest leak that is found 19 times of 20 in this soak."
)
TIME_TO_CAP: Final = _gauge("memcap_time_to_cap_seconds", "When a leak reaches the cap, counted from the last sample.")
WARM_UP: Final = _gauge("memcap_warm_up_seconds", "Length of the warm-up, which is not judged.")

ALL_METRICS: Final = tuple(_ALL)
