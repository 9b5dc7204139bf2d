"""What a campaign is asked to do: a plan, what it is run with, and what it continues or is compared with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from memcap.campaign import Deadline
from memcap.config.env_variables import resolved
from memcap.load import parse_load
from memcap.model import (
    DAEMON_WAIT_SECONDS,
    CampaignResult,
    CampaignSettings,
    Cell,
    ContainerPolicy,
    ImageSource,
    Plan,
    ShardFacts,
    Suite,
)
from memcap.model.names import new_campaign_id
from memcap.redaction import Redaction
from memcap.revision import Base


@dataclass(frozen=True, kw_only=True)
class CampaignName:
    """The id of a campaign, and its start (ISO 8601, UTC)."""

    id: str
    started: str


def new_campaign(label: str) -> CampaignName:
    """Return the name of a new campaign; ids sort by time."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    return CampaignName(id=new_campaign_id(now, label), started=now.isoformat())


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """After how many runs of a cell it is judged, and which cells need more then.

    ``open_cells`` returns their ids, the most promising first, each with the reason. The first ``early`` checks are
    early ones. ``max_total_runs`` is the limit for all cells together, both sides of a comparison included.
    """

    sizes: tuple[int, ...]
    open_cells: Callable[[CampaignResult], Mapping[str, str]]
    early: int = 0
    max_total_runs: int | None = None


@dataclass(frozen=True, kw_only=True)
class CampaignRequest:
    """What is to be executed, and how. ``jobs`` None: as many runs at once as CPUs and memory allow.

    ``base`` is what another revision has of the plan, run interleaved with it; ``deciding`` gives cells more runs, and
    after ``deadline`` none gets any. ``keep_output`` keeps the end of the output of completed runs, too. A daemon that
    goes away is waited for, ``daemon_wait_seconds`` at most. ``images`` are those of the project by their names: the
    services of a server may name them. ``shard`` says of which plan ``plan`` is a part, ``expected_seconds`` how long a
    run of a cell takes, by ids, as far as that is known.
    """

    plan: Plan
    suites: Mapping[str, Suite]
    policy: ContainerPolicy
    time_limit_seconds: float
    name: CampaignName
    jobs: int | None = None
    earlier: CampaignResult | None = None
    base: Base | None = None
    deciding: Deciding | None = None
    deadline: Deadline | None = None
    keep_output: bool = False
    daemon_wait_seconds: float = DAEMON_WAIT_SECONDS
    images: Mapping[str, ImageSource] = field(default_factory=dict)
    shard: ShardFacts | None = None
    expected_seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def looks(self) -> tuple[int, ...]:
        """Return after how many runs cells are judged while more are added, also where that was in an earlier part."""
        return self.deciding.sizes if self.deciding else self.earlier.looks if self.earlier else ()

    @property
    def early_looks(self) -> int:
        """Return how many of the interim checks are early."""
        return self.deciding.early if self.deciding else self.earlier.early_looks if self.earlier else 0

    def settings(self, argv: Sequence[str], *, jobs: int = 1) -> CampaignSettings:
        """Return the settings of the campaign; its result keeps the command line ``argv``, or the one it continues."""
        base = self.base.plan.policies(self.policy) if self.base else ()
        command = stored_command(argv, (*self.plan.policies(self.policy), *base))
        return CampaignSettings(
            id=self.name.id,
            started=self.name.started,
            command=self.earlier.command if self.earlier else command,  # what measures it again
            policy=self.policy,
            time_limit_seconds=self.time_limit_seconds,
            jobs=jobs,
            looks=self.looks,
            early_looks=self.early_looks,
            keep_output=self.keep_output,
            daemon_wait_seconds=self.daemon_wait_seconds,
            shard=self.shard,
            expected_seconds=self.expected_seconds,
        )


def with_variables(request: CampaignRequest) -> CampaignRequest:
    """Return ``request`` with the variables of all containers read. Raises UsageError for those that are missing."""
    base = request.base
    return replace(
        request,
        plan=_resolved(request.plan),
        policy=resolved(request.policy, os.environ),
        base=replace(base, plan=_resolved(base.plan)) if base else None,
    )


def _resolved(plan: Plan) -> Plan:
    return replace(plan, cells=tuple(map(_with_variables, plan.cells)))


def _with_variables(cell: Cell) -> Cell:
    policy = cell.benchmark.policy
    if policy is None:
        return cell
    return replace(cell, benchmark=replace(cell.benchmark, policy=resolved(policy, os.environ)))


def stored_command(argv: Sequence[str], policies: Iterable[ContainerPolicy]) -> tuple[str, ...]:
    """Return the command line ``argv`` as it is stored: without secret values of variables and headers."""
    policies = tuple(policies)
    public = {name for policy in policies for name in policy.public_env}
    words, values, before = list(argv), [], ""
    for place, word in enumerate(words[: words.index("--")] if "--" in words else words):
        option = next((each for each in ("--env=", "-e") if word.startswith(each) and word != each), "")
        if option or before in ("-e", "--env"):
            name, has_value, value = word.removeprefix(option).partition("=")
            if has_value and name not in public:
                words[place] = option + name
                values.append(value)
        if before == "--load" or word.startswith("--load="):
            values += parse_load(word.removeprefix("--load="), time="1min").secrets
        before = word
    hidden = Redaction([*values, *(secret for policy in policies for secret in policy.secrets)])
    return ("memcap", *map(hidden.text, words))
