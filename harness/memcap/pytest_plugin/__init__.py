"""The pytest plugin: markers and limits of memory tests, fixtures, and reports for memcap.

pytest loads it by itself where memcap is installed (entry point ``memcap``). A session without memory tests loads this
file and ``settings``, and nothing else of memcap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from memcap.pytest_plugin.settings import (
    CHILD,
    CONTAINERS,
    SERVER,
    TRACKER,
    MemcapWarning,
    add_options,
    check_markers,
    default_max_mb,
    default_metric,
    memory_settings,
    register_markers,
)

if TYPE_CHECKING:
    from memcap.pytest_plugin.server_fixture import ServerFactory
    from memcap.testing import MemoryTracker

__all__ = ["MemcapWarning", "memory_server", "memory_tracker"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add memcap's options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and what writes the report if one is asked for."""
    register_markers(config)
    default_metric(config)
    default_max_mb(config)
    if config.getoption("--memcap-docker") and config.getoption("dist", "no") != "no":
        raise pytest.UsageError("--memcap-docker does not go together with xdist's -n: containers are run in one place")
    # xdist's workers report to the one process that has the session's options, and no workerinput.
    if config.getoption("--memcap-report") and not hasattr(config, "workerinput"):
        from memcap.pytest_plugin.results import Results  # noqa: PLC0415 - for those who ask for it

        config.pluginmanager.register(Results(config), "memcap-results")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse markers that mean nothing before any test runs; make ready for memory tests if there are any."""
    check_markers(items)
    if config.pluginmanager.hasplugin("memcap-tracking") or not any(
        memory_settings(item).is_measured for item in items
    ):
        return
    from memcap.pytest_plugin.isolation import Isolation  # noqa: PLC0415 - for those who have memory tests
    from memcap.pytest_plugin.tracking import Tracking  # noqa: PLC0415 - likewise

    is_child = config.pluginmanager.hasplugin(CHILD)
    config.pluginmanager.register(Tracking(is_alone=is_child), "memcap-tracking")
    if is_child:
        return
    if config.getoption("--memcap-docker"):
        from memcap.pytest_plugin.in_containers import Containers  # noqa: PLC0415 - heavy

        config.pluginmanager.register(Containers(config), CONTAINERS)
    else:
        config.pluginmanager.register(Isolation(config), "memcap-isolation")


@pytest.fixture(name=TRACKER)
def memory_tracker(request: pytest.FixtureRequest) -> Iterator[MemoryTracker]:
    """Track the memory of this test; its first checkpoint is made now."""
    from memcap.pytest_plugin.tracking import tracker_of_fixture  # noqa: PLC0415 - for those who ask for it

    with tracker_of_fixture(request.node) as tracker:
        yield tracker


@pytest.fixture(name=SERVER)
def memory_server(request: pytest.FixtureRequest) -> Iterator[ServerFactory]:
    """Start servers: ``memory_server(command, ready=…)``; they are measured, and stopped after this test."""
    from memcap.pytest_plugin.server_fixture import servers_of_test  # noqa: PLC0415 - for those who ask for it

    with servers_of_test(request.node) as start:
        yield start
