"""``memcap check --explain``: which lines made cells worse (base and head are profiled), and who holds what leaks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from memcap.config.env_variables import resolved
from memcap.errors import BuildError, Interrupted, MemcapError, UsageError
from memcap.instruments.launching import Instrument
from memcap.model import (
    PROCESS_ENGINE,
    AlertKind,
    AllocationProfile,
    CampaignResult,
    Cell,
    Config,
    Plan,
    ProfileTool,
    Suite,
    VerdictState,
)
from memcap.plan import Selection
from memcap.profile_diff import Explanation, ProfileDiff, diff_profiles
from memcap.report.view import CellView, View
from memcap.revision import base_of
from memcap.store import baseline_history, find_commit
from memcap.store.git import is_shallow
from memcap.workflows.base_ref import base_path, config_of, stand_ins_of
from memcap.workflows.caller import Caller
from memcap.workflows.diff import write_diff
from memcap.workflows.judging import ExplainRequest, Judged
from memcap.workflows.leak_cause import find_cause, is_explainable
from memcap.workflows.profile import profile_subject, write_reports
from memcap.workflows.ready import made_ready
from memcap.workflows.request import new_campaign
from memcap.workflows.selection import plan_of
from memcap.workflows.subject import Subject, of_cell
from memcap.worktree import Revision, checked_out

MOST_EXPLAINED = 3  # each takes two profiles, of several runs each
_TOP_LINES = 10
_NAME_IT = "name its revision: memcap check --against REVISION --explain"


@dataclass(frozen=True, kw_only=True)
class _Base:
    """The revision that has the base's code, why it is that one, and what it takes in place of images by reference."""

    ref: str
    why: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Worse:
    """A cell that became worse, as the work tree has it now."""

    cell: Cell
    has_children: bool


def explain(judged: Judged, caller: Caller) -> Judged:
    """Return ``judged`` with what changed by line in the cells that became worse, or why that cannot be told.

    Of generator benchmarks that leak, it is also said what grows and who holds it, by another run of each.

    Base and head are run under memray (tracemalloc where memray cannot be had), so this takes a while. The head is the
    work tree as it is now. Nothing is explained unless the case asks for it. Raises Interrupted; any other error is the
    reason of an explanation that is not there.
    """
    if judged.case.explained is None:
        return judged
    explained = _explanations(judged, judged.case.explained, caller)
    explained = _with_causes(explained, judged, caller)
    return replace(judged, view=replace(judged.view, explained=explained))


def _explanations(judged: Judged, asked: ExplainRequest, caller: Caller) -> tuple[Explanation, ...]:
    result, config = judged.result, judged.case.config
    worse = worse_cells(judged.view)
    if not worse:
        return ()
    folder = config.results_directory / "explained" / result.id
    found: dict[str, Explanation] = {}
    for cell in worse[MOST_EXPLAINED:]:
        why = f"only the worst {MOST_EXPLAINED} cells are profiled"
        found[cell.id] = Explanation(cell_id=cell.id, why_not=why)
    chosen = worse[:MOST_EXPLAINED]
    caller.tell(f"explaining {', '.join(cell.id for cell in chosen)}: each is profiled as it was and as it is now")
    by_base: dict[_Base, list[_Worse]] = {}
    for cell in chosen:
        try:
            has_children = any((run.process_count or 0) > 1 for run in cell.runs)
            one = _Worse(cell=_cell_now(cell.id, result, config), has_children=has_children)
            by_base.setdefault(_base_of(cell.id, result, config, asked), []).append(one)
        except MemcapError as error:
            found[cell.id] = _not_explained(cell.id, error)
    for base, cells in by_base.items():
        try:
            for each in _explained(base, cells, config, folder, caller):
                found[each.cell_id] = each
        except Interrupted:
            raise
        except MemcapError as error:
            found |= {each.cell.id: _not_explained(each.cell.id, error) for each in cells if each.cell.id not in found}
    return tuple(found[cell.id] for cell in worse)


def _with_causes(explained: Sequence[Explanation], judged: Judged, caller: Caller) -> tuple[Explanation, ...]:
    """Add what grows in the cells that leak, of MOST_EXPLAINED of them; one that cannot be looked into has none."""
    config = judged.case.config
    found = {each.cell_id: each for each in explained}
    for cell in leaking_cells(judged.view)[:MOST_EXPLAINED]:
        try:
            subject = _subject(_cell_now(cell.id, judged.result, config), config.suites, config)
            if not is_explainable(subject):
                continue
            caller.tell(f"looking for what grows in {cell.id}")
            cause = find_cause(subject, cell.runs, caller)
        except MemcapError as error:
            found.setdefault(cell.id, _not_explained(cell.id, error))
            continue
        if cause.grown is not None:
            known = found.get(cell.id, Explanation(cell_id=cell.id))
            found[cell.id] = replace(known, grown=cause.grown, cycles=cause.cycles)
    return tuple(found.values())


def leaking_cells(view: View) -> list[CellView]:
    """Return the cells whose memory grew up to the end."""
    return [
        cell
        for cell in view.cells
        if cell.verdict and any(alert.kind is AlertKind.GROWTH for alert in cell.verdict.alerts)
    ]


def worse_cells(view: View) -> list[CellView]:
    """Return the cells that regressed, or are killed now and were not, by how much their metrics rose."""
    found = [
        cell
        for cell in view.cells
        if cell.verdict
        and (
            cell.verdict.state is VerdictState.REGRESSED
            or (cell.verdict.state is VerdictState.ENDING_CHANGED and any(run.ending.is_oom for run in cell.runs))
        )
    ]
    return sorted(found, key=lambda cell: -max((each.change or 0.0 for each in cell.metrics), default=0.0))


def _cell_now(cell_id: str, result: CampaignResult, config: Config) -> Cell:
    """Return the cell as the work tree has it. Raises SelectionError if it is gone."""
    (cell,) = plan_of(replace(result, plan_cells=(cell_id,)), config).cells
    return cell


def _base_of(cell_id: str, result: CampaignResult, config: Config, asked: ExplainRequest) -> _Base:
    """Return which revision has the code that the cell is compared with. Raises UsageError where that is not known."""
    if result.environment.engine == PROCESS_ENGINE:
        raise UsageError("its runs were plain processes of this machine, and profiles are made in containers")
    if asked.base_ref is not None:
        return _Base(ref=asked.base_ref, images=asked.base_images)
    if asked.against is None:
        return _Base(ref=_accepted_at(cell_id, config), why="where its baseline was committed")
    if not Path(asked.against).exists():
        return _Base(ref=asked.against)
    beside = option_values(result.command, "--base-ref")
    if beside and Path(asked.against).name == base_path(asked.result).name and find_commit(config.root, beside[-1]):
        images = option_values(result.command, "--base-image")
        return _Base(ref=beside[-1], why="as --base-ref names it now", images=images)
    raise UsageError(f"{asked.against} does not say which code it was measured with; {_NAME_IT}")


def _accepted_at(cell_id: str, config: Config) -> str:
    """Return the commit in which the baseline of a cell became what it is."""

    history = baseline_history(config.root, config.baseline_directory)
    versions = next((each.versions for each in history.cells if each.cell_id == cell_id), ())
    if not versions or versions[0].commit is None:
        raise UsageError(f"its baseline is not committed, so which code it was measured with is not known; {_NAME_IT}")
    if len(versions) == 1 and is_shallow(config.root):
        raise UsageError(
            f"this clone is shallow, and does not hold when its baseline was committed: fetch all of it, or {_NAME_IT}"
        )
    return versions[0].commit


def option_values(command: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the values of an option on a command line."""
    found = [word.partition("=")[2] for word in command if word.startswith(f"{name}=")]
    found += [value for word, value in pairwise(command) if word == name]
    return tuple(found)


def _explained(
    base: _Base, cells: Sequence[_Worse], config: Config, folder: Path, caller: Caller
) -> Iterator[Explanation]:
    """Yield what changed in each cell since ``base``."""
    plan = Plan(profile="explain", cells=tuple(each.cell for each in cells), runs=1, warmups=0)
    with checked_out(config.root, base.ref) as there:
        images = stand_ins_of(base.images, plan)
        older = base_of(plan, config, config_of(there, config), selection=Selection(), images=images)
        befores = {cell.id: cell for cell in older.plan.cells}
        name = _name(base, there)
        for each in cells:
            cell_id = each.cell.id
            if cell_id not in befores:
                yield Explanation(cell_id=cell_id, why_not=f"{name} does not have it")
                continue
            before = _subject(befores[cell_id], older.suites, config)
            reference = before.cell.image.reference
            here = f" (in {reference} as it is now)" if reference == each.cell.image.reference and reference else ""
            after = _subject(each.cell, config.suites, config)
            try:
                _refuse_the_same(before, after, name + here, caller)
                instrument = Instrument(follows_fork=each.has_children)
                folder_now = folder / cell_id / new_campaign("explain").id
                diff = _compared(before, after, instrument, folder_now, caller)
                yield Explanation(cell_id=cell_id, base=name + here, diff=diff, folder=_shown(folder_now))
            except Interrupted:
                raise
            except MemcapError as error:
                yield _not_explained(cell_id, error)


def _subject(cell: Cell, suites: Mapping[str, Suite], config: Config) -> Subject:
    subject = of_cell(cell, config, suites)
    return replace(subject, policy=resolved(subject.policy, os.environ))


def _compared(before: Subject, after: Subject, instrument: Instrument, folder: Path, caller: Caller) -> ProfileDiff:
    """Profile both, keep profiles and diff in ``folder``, and return the diff."""
    try:
        older = _profiled(before, instrument, folder / "base", caller)
    except BuildError as error:
        caller.tell(f"{error}\nwith tracemalloc instead")
        instrument = replace(instrument, tool=ProfileTool.TRACEMALLOC)
        older = _profiled(before, instrument, folder / "base-tracemalloc", caller)
    diff = diff_profiles(older, _profiled(after, instrument, folder / "head", caller))
    write_diff(diff, folder, top=_TOP_LINES, root=None)
    return diff


def _shown(folder: Path) -> str:
    """Return the folder as one would type it here."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def _profiled(subject: Subject, instrument: Instrument, folder: Path, caller: Caller) -> AllocationProfile:
    name = new_campaign("explain")
    profile = profile_subject(subject, instrument, name=name, folder=folder, caller=caller, with_reports=False)
    write_reports(profile, folder, top=_TOP_LINES)
    return profile


def _refuse_the_same(before: Subject, after: Subject, name: str, caller: Caller) -> None:
    """Raise UsageError where base and head are the same program: then what changed is not in this repository."""
    layers = []
    for subject in (before, after):
        with made_ready(subject.request("explain", new_campaign("explain")), caller.tell) as ready:
            layers.append(ready.layer.id)
    is_same = (before.cell.benchmark, before.policy) == (after.cell.benchmark, after.policy)
    if layers[0] == layers[1] and is_same:
        hint = (
            "the image is taken by its reference, so what it was before is not known here: profile both images "
            "(memcap profile) and compare them (memcap diff)"
            if after.cell.image.reference
            else "what was measured is not in the work tree any more, or the change is not one of code"
        )
        raise UsageError(f"suite and image are the same as in {name}; {hint}")


def _name(base: _Base, there: Revision) -> str:
    """Return the base in words, which are somebody else's as far as the commit's subject goes."""
    commit = there.commit[:12]
    named = commit if commit.startswith(base.ref) else f"{base.ref} ({commit})"
    return f"{named}, {base.why}: {there.subject}" if base.why else f"{named}: {there.subject}"


def _not_explained(cell_id: str, error: MemcapError) -> Explanation:
    return Explanation(cell_id=cell_id, why_not=f"{error.message} {error.remedy}".strip())
