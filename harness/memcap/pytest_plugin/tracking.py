"""Measure memory tests where they run, and let those fail that break the limits of their markers."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from memcap.errors import MemcapError
from memcap.pytest_plugin.figures import Figures, keep
from memcap.pytest_plugin.settings import MemorySettings, memory_settings
from memcap.testing import MemoryTracker
from memcap.testing.table import MEGABYTE

if TYPE_CHECKING:
    from pluggy import Result

_TRACKER = pytest.StashKey[MemoryTracker]()
_MEMRAY_MARKS = ("limit_memory", "limit_leaks")


class Tracking:
    """Measure the tests of one session. ``is_alone`` says that the process runs one test only."""

    def __init__(self, *, is_alone: bool) -> None:
        self._is_alone = is_alone

    @pytest.hookimpl(hookwrapper=True, trylast=True)  # next to the test, where its output is captured
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Result[None], None]:
        """Measure around the call of the test, and judge."""
        settings = memory_settings(item)
        _warm_up(item, settings.warmups)
        tracker = item.stash.get(_TRACKER, None)
        if tracker is None and not settings.is_measured:
            yield
            return
        try:
            tracker = tracker or start_tracker(item, settings)
            outcome = yield
            self._conclude(item, settings, tracker, outcome)
        finally:
            if tracker is not None:
                tracker.close()

    def _conclude(
        self, item: pytest.Item, settings: MemorySettings, tracker: MemoryTracker, outcome: Result[None]
    ) -> None:
        tracker.last_checkpoint("end of test")
        points = tracker.checkpoints
        is_out_of_memory = outcome.excinfo is not None and issubclass(outcome.excinfo[0], MemoryError)
        keep(
            item.user_properties,
            Figures(
                metric=tracker.metric,
                is_alone=self._is_alone,
                start=points[0].bytes,
                peak=max(each.peak_bytes for each in points),
                end=points[-1].bytes if settings.is_memory_test else None,  # with garbage otherwise
                own_peak=tracker.own_peak_bytes,
                limit=None if settings.process_mb is None else int(settings.process_mb * MEGABYTE),
                ended="memory_error" if is_out_of_memory else None,
            ),
        )
        if outcome.excinfo is not None and tracker.has_explained:
            return
        if outcome.excinfo is not None:
            lines = [f"metric: {tracker.metric}", *tracker.table()]
            if is_out_of_memory and settings.process_mb is not None:
                lines.insert(0, f"memory_limit: the process of this test is held to {settings.process_mb:g} MB")
            item.add_report_section("call", "memory", "\n".join(lines))
            return
        why = tracker.excess(max_mb=settings.max_mb, growth_mb=settings.growth_mb)
        if why and settings.has_default_limit:
            why = f"{why} (memcap_max_mb)"
        if why:
            outcome.force_exception(pytest.fail.Exception(tracker.explain(why), pytrace=False))


def _warm_up(item: pytest.Item, times: int) -> None:
    """Call the test with the fixtures that it is measured with afterwards. What it raises is the test's outcome."""
    for number in range(1, times + 1):
        try:
            item.runtest()
        except BaseException:
            item.add_report_section("call", "memory", f"this was call {number} of {times} to warm up (warmups={times})")
            raise
    if times:
        often = "once" if times == 1 else f"{times} times"
        said = f"the test was called {often} before it was measured (warmups={times}), with the same fixtures"
        item.add_report_section("call", "memory", said)


def start_tracker(item: pytest.Item, settings: MemorySettings) -> MemoryTracker:
    """Start measuring ``item``. It fails where its metric cannot be measured."""
    if settings.metric == "tracemalloc" and memray_tracks(item):
        pytest.fail(
            "pytest-memray tracks the allocations of this test; to trace them twice would spoil its figures and ours. "
            "Measure it apart: without --memray, or with --memcap-metric rss.",
            pytrace=False,
        )
    hint = (
        f"To see what grew: pytest '{item.nodeid}' --memcap-metric tracemalloc\n"
        f"Line by line, and memory over time, in an image with pytest: memcap profile --image IMAGE -- "
        f"pytest '{item.nodeid}'"
    )
    try:
        return MemoryTracker(settings.metric, hint=hint, quick=not settings.is_memory_test)
    except MemcapError as error:
        pytest.fail(str(error), pytrace=False)


def tracker_of_fixture(item: pytest.Item) -> MemoryTracker:
    """Start the tracker that a test asked for by its fixture; it serves its markers too."""
    tracker = start_tracker(item, memory_settings(item))
    item.stash[_TRACKER] = tracker
    return tracker


def memray_tracks(item: pytest.Item) -> bool:
    """Tell whether pytest-memray measures this test."""
    if not item.config.pluginmanager.hasplugin("memray"):
        return False
    asked: Any = item.config.getoption("--memray", default=False)
    return bool(asked) or any(item.get_closest_marker(name) for name in _MEMRAY_MARKS)
