"""The frozen types that travel between the stages: configuration, plan, run, measurement, result, verdict.

Bytes are whole numbers, unrounded; seconds are floats; ``None`` means "was not measured", never zero.
"""

from __future__ import annotations

from memcap.model.accounting import CHARGE_BATCH_BYTES, PAGE_BYTES, STALE_BYTES, Processors, charged_ahead
from memcap.model.allocation_profile import AllocationProfile, Cost, Frame, Line, ProfiledProcess, ProfileTool, Site
from memcap.model.campaign_plan import Plan, PlanProblem
from memcap.model.container import (
    NO_NETWORK,
    ContainerPolicy,
    EnvValue,
    Mount,
    MountKind,
    Secret,
    secrets_of,
    values_of,
    with_mounts,
)
from memcap.model.ending import Caveat, CaveatKind, Ending
from memcap.model.history import BaselineVersion, CellHistory, History
from memcap.model.image_source import ImageSource, Package
from memcap.model.matrix import (
    BASE_MARK,
    COLD,
    DEFAULT_TOLERANCES,
    MINIMUM_CAP_BYTES,
    NO_CAP_BYTES,
    OF_NO_SUITE,
    UNCAPPED,
    AlertLimits,
    Benchmark,
    Budget,
    Cap,
    Cell,
    Config,
    Grade,
    Metric,
    Profile,
    Quiet,
    Rules,
    Suite,
    Thresholds,
    Tolerance,
    Workload,
    limit_of,
    projected_names,
)
from memcap.model.measurement import (
    STOPPED_BEFORE_ITS_TIME,
    GcFacts,
    Measurement,
    MemorySplit,
    Moment,
    OomFacts,
    Phases,
    Pressure,
    ProcessPeak,
    PythonRun,
    peak_is_floor,
)
from memcap.model.out_of_memory import find_message
from memcap.model.program_fault import ProgramFault
from memcap.model.remedy import (
    AT_THE_CAP,
    BY_ITSELF,
    ENTRYPOINT_GIVEN,
    ENTRYPOINT_OF_IMAGE,
    NO_ANSWER,
    OF_THE_LIMIT,
    SHM,
    MemoryKind,
    Origin,
    remedy_of,
)
from memcap.model.result import (
    METRICS_VERSION,
    PROCESS_ENGINE,
    Accepted,
    AcceptedGrowth,
    Baseline,
    Baselines,
    CampaignResult,
    CellResult,
    CellSummary,
    Ends,
    Environment,
    Fingerprint,
)
from memcap.model.run import (
    BUILT,
    DAEMON_WAIT_SECONDS,
    START_SECONDS,
    CampaignSettings,
    ImageFacts,
    Layer,
    Neighbour,
    PageCost,
    PythonFacts,
    RawRun,
    RawServing,
    RunSpec,
    ServiceSpec,
    Serving,
)
from memcap.model.run_limits import UNLIMITED, RunLimit, RunLimits, Ulimit
from memcap.model.series import running
from memcap.model.server import (
    CLIENT_LAYER,
    READY_INTERVAL_SECONDS,
    READY_SECONDS,
    SERVICE_CAP_BYTES,
    SIGNALS,
    STOP_SIGNALS,
    ClientCommand,
    CollectSignal,
    CommandReady,
    HttpReady,
    LoadFigures,
    PhaseFigures,
    PhaseMark,
    PhaseName,
    ProcessMoment,
    ProcessRss,
    PutFile,
    Readiness,
    ServerRecord,
    ServerRun,
    ServerWorkload,
    Service,
    ServiceFigures,
    ServiceScope,
    TcpReady,
    WorkerFigures,
    signal_number,
)
from memcap.model.server_load import (
    LoadConnections,
    LoadErrors,
    LoadMoment,
    LoadOutcome,
    LoadRequest,
    LoadSpec,
    LoadTarget,
    LoadTimes,
)
from memcap.model.shard import MOST_SHARDS, Shard, ShardFacts
from memcap.model.soak import (
    MOST_SAMPLES,
    AllocationSite,
    FinalCollection,
    Grown,
    GrownType,
    Holder,
    MemoryLook,
    PythonLook,
    SoakRules,
    SoakSample,
    WorkLook,
    judged_seconds,
)
from memcap.model.soak_note import SoakKind, SoakNote, noted
from memcap.model.verdict import NOT_JUDGED, Alert, AlertKind, Graded, MetricVerdict, Verdict, VerdictState
from memcap.model.workload import CallWorkload, CommandWorkload, Scalar
