"""The frozen types that travel between the stages: configuration, plan, run, measurement, result, verdict.

Bytes are whole numbers, unrounded; seconds are floats; ``None`` means "was not measured", never zero.
"""

from __future__ import annotations

from memcap.model.ending import Caveat, CaveatKind, Ending
from memcap.model.measurement import (
    GcFacts,
    Measurement,
    MemorySplit,
    Moment,
    OomFacts,
    Pressure,
    ProcessPeak,
    PythonRun,
)
from memcap.model.plan import (
    COLD,
    Benchmark,
    Budget,
    CallWorkload,
    Cap,
    Cell,
    CommandWorkload,
    Config,
    ContainerPolicy,
    ImageSource,
    Metric,
    Plan,
    PlanProblem,
    Profile,
    Quiet,
    Scalar,
    Suite,
    Tolerance,
    Workload,
)
from memcap.model.result import Baseline, Baselines, CampaignResult, CellResult, CellSummary, Environment, Fingerprint
from memcap.model.run import CampaignSettings, ImageFacts, Layer, PythonFacts, RawRun, RunSpec
from memcap.model.verdict import MetricVerdict, Verdict, VerdictState

__all__ = [
    "COLD",
    "Baseline",
    "Baselines",
    "Benchmark",
    "Budget",
    "CallWorkload",
    "CampaignResult",
    "CampaignSettings",
    "Cap",
    "Caveat",
    "CaveatKind",
    "Cell",
    "CellResult",
    "CellSummary",
    "CommandWorkload",
    "Config",
    "ContainerPolicy",
    "Ending",
    "Environment",
    "Fingerprint",
    "GcFacts",
    "ImageFacts",
    "ImageSource",
    "Layer",
    "Measurement",
    "MemorySplit",
    "Metric",
    "MetricVerdict",
    "Moment",
    "OomFacts",
    "Plan",
    "PlanProblem",
    "Pressure",
    "ProcessPeak",
    "Profile",
    "PythonFacts",
    "PythonRun",
    "Quiet",
    "RawRun",
    "RunSpec",
    "Scalar",
    "Suite",
    "Tolerance",
    "Verdict",
    "VerdictState",
    "Workload",
]
