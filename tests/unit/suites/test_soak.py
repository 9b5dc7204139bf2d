"""What the parts of the chat service do, what its leaks keep, and that suite.toml and the sources say the same.

The application itself and its database need packages that are not installed here. They run in containers, in
tests/integration/test_soak_suite.py.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from memcap.config import load_config
from memcap.model import Benchmark, LoadSpec, ServerWorkload

Import = Callable[[str, str], ModuleType]
ROOT = Path(__file__).parents[3]
SUITE = ROOT / "suites" / "soak"
BENCHMARKS = {each.name: each for each in load_config(ROOT).suites["soak"].benchmarks}
LEAKS = {"generators", "contexts", "scores", "listeners", "native"}
KEPT_OF_A_SESSION = 48 * 1024
IN_PYTHON = sorted(LEAKS - {"native"})


class Shelf:
    """A storage in memory, with the methods of suites/soak/storage.py that conversations use."""

    def __init__(self, conversation: Any) -> None:
        self._made = conversation
        self.sessions: dict[int, dict[str, Any]] = {}
        self._last = 0

    async def open_session(self, visitor: int, now: float) -> Any:
        for number, session in self.sessions.items():
            if session["visitor"] == visitor and session["is_open"]:
                return self._made.Session(number, len(session["exchanges"]))
        self._last += 1
        self.sessions[self._last] = {"visitor": visitor, "is_open": True, "exchanges": []}
        return self._made.Session(self._last, 0)

    async def exchanges(self, session: int) -> list[Any]:
        return list(self.sessions[session]["exchanges"])

    async def add(self, session: Any, exchange: Any, now: float, *, is_last: bool) -> None:
        self.sessions[session.id]["exchanges"].append(exchange)
        self.sessions[session.id]["is_open"] = not is_last

    async def delete(self, session: int) -> None:
        del self.sessions[session]


class Chat:
    """The conversations of a service without its web framework and database."""

    def __init__(self, import_: Import, leak: str = "", *, most: int = 4) -> None:
        self._sessions = import_("soak", "sessions")
        parts = import_("soak", "leaks").LEAKS[leak] if leak else import_("soak", "parts").Parts()
        self.shelf = Shelf(import_("soak", "conversation"))
        self.service = self._sessions.Service(
            storage=self.shelf,
            clock=import_("soak", "scheduler").Clock(1.0),
            model=parts.model(0.0),
            contexts=parts.contexts(most),
            scores=parts.scores(most),
            events=parts.events(),
            signer=made_signer(parts.signer),
        )

    async def answers(self, questions: list[tuple[int, str]]) -> list[list[dict[str, Any]]]:
        """Return the lines of the answers to the questions of visitors, which are asked one after the other."""
        sessions = self._sessions.Sessions(self.service)
        found = []
        for visitor, question in questions:
            found.append([json.loads(line) async for line in sessions.answer(visitor, question)])
        return found

    def ask(self, *questions: tuple[int, str]) -> list[list[dict[str, Any]]]:
        return asyncio.run(self.answers(list(questions)))


def made_signer(signer: Callable[[], Any]) -> Any:
    try:
        return signer()
    except RuntimeError as error:
        pytest.skip(str(error))


def questions(count: int, visitors: int = 1) -> list[tuple[int, str]]:
    return [(1 + number % visitors, f"question {number}") for number in range(count)]


def test_an_answer_depends_on_the_conversation_alone(suite_module: Import) -> None:
    first, again = (Chat(suite_module).ask(*questions(3)) for _ in range(2))
    other = Chat(suite_module).ask((1, "question 0"), (1, "another one"), (1, "question 2"))
    assert first == again
    assert first[0] == other[0]
    assert first[2] != other[2], "the same question after another conversation"


def test_after_three_messages_the_next_session_begins_and_each_third_one_is_deleted(suite_module: Import) -> None:
    chat = Chat(suite_module)
    last = [lines[-1] for lines in chat.ask(*questions(19))]
    assert [each["session"] for each in last] == [1 + number // 3 for number in range(19)]
    assert [each["message"] for each in last] == [1 + number % 3 for number in range(19)]
    assert {each["session"] for each in last if each["is_deleted"]} == {3, 6}
    assert {number: len(each["exchanges"]) for number, each in chat.shelf.sessions.items()} == {
        1: 3, 2: 3, 4: 3, 5: 3, 7: 1,
    }  # fmt: skip


def test_a_context_that_is_not_in_the_cache_is_made_again(suite_module: Import) -> None:
    """Five visitors take turns, so that none of their contexts is in a cache of one."""
    asked = questions(30, visitors=5)
    assert Chat(suite_module, most=1).ask(*asked) == Chat(suite_module, most=50).ask(*asked)


def test_a_visitor_who_asks_twice_at_once_gets_one_answer_after_the_other(suite_module: Import) -> None:
    chat = Chat(suite_module)

    async def ask_at_once() -> list[int]:
        sessions = suite_module("soak", "sessions").Sessions(chat.service)

        async def ask(number: int) -> int:
            lines = [line async for line in sessions.answer(1, f"question {number}")]
            return int(json.loads(lines[-1])["message"])

        return list(await asyncio.gather(*(ask(number) for number in range(3))))

    assert sorted(asyncio.run(ask_at_once())) == [1, 2, 3]


def test_an_answer_that_nobody_reads_to_its_end_is_closed(suite_module: Import) -> None:
    model = suite_module("soak", "model").Model(0.0)

    async def leave() -> Any:
        async with model.answering(model.read(bytearray(), "hello")) as answer:
            await anext(answer)
        return answer

    answer = asyncio.run(leave())
    assert answer.ag_frame is None
    assert model.answers() == 0


def test_the_cache_keeps_what_was_used_last(suite_module: Import) -> None:
    cache = suite_module("soak", "contexts").ContextCache(2)
    for session in (1, 2):
        cache.put(session, bytearray([session]))
    context = cache.get(1)
    context[0] = 77
    cache.put(3, bytearray([3]))
    assert [cache.get(session) for session in (1, 2, 3)] == [bytearray([1]), None, bytearray([3])]


def test_scores_are_reported_once(suite_module: Import) -> None:
    scores = suite_module("soak", "scores").Scores(2)
    assert scores.summary() == {"answers": 0, "mean": None}
    for byte in (0, 255, 255):
        scores.add(bytearray([byte]) * 4096)
    assert scores.summary() == {"answers": 2, "mean": 1.0}
    assert scores.take_report() == (3, pytest.approx(2 / 3))
    assert scores.take_report() is None


def test_only_who_listens_hears_and_what_does_not_fit_is_lost(suite_module: Import) -> None:
    module = suite_module("soak", "events")
    events = module.Events()
    with events.listening(7) as first, events.listening(7) as second, events.listening(8) as other:
        events.publish(7, b"x" * (module.OUTBOX_BYTES - 1))
        assert first.take() == second.take() == b"x" * (module.OUTBOX_BYTES - 1)
        assert (first.take(), other.take()) == (b"", b"")
        events.publish(7, b"ab")
        events.publish(7, b"x" * (module.OUTBOX_BYTES - 1))
        assert first.take() == b"ab"
    events.publish(7, b"late")
    assert (first.take(), events._listeners) == (b"", {})


@pytest.mark.parametrize("name", ["signing.Signer", "leaks.UnfreedSigner"])
def test_a_signature_is_that_of_the_beginning_of_a_context(suite_module: Import, name: str) -> None:
    module, _, kind = name.partition(".")
    signer = made_signer(getattr(suite_module("soak", module), kind))
    context = bytearray(range(256)) * 100
    assert signer.sign(context) == hashlib.sha256(context[: 16 * 1024]).hexdigest()


def test_a_day_of_jobs_takes_as_long_as_the_rate_says_and_one_that_fails_is_done_again(
    suite_module: Import, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = suite_module("soak", "scheduler")
    slept: list[float] = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(scheduler.asyncio, "sleep", sleep)
    done: list[int] = []

    async def job() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise OSError("the database is gone")

    async def work() -> None:
        jobs = scheduler.Scheduler(scheduler.Clock(24.0))
        jobs.every(3600.0, job)
        while len(done) < 3:
            await real_sleep(0)
        await jobs.stop()

    asyncio.run(work())
    assert set(slept) == {150.0}
    assert "the database is gone" in caplog.text


def test_jobs_end_although_one_takes_its_cancellation_for_an_error(suite_module: Import) -> None:
    scheduler = suite_module("soak", "scheduler")

    async def work() -> None:
        started = asyncio.Event()

        async def job() -> None:
            is_first = not started.is_set()
            started.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if is_first:
                    raise OSError("the connection is closed") from None
                raise

        jobs = scheduler.Scheduler(scheduler.Clock(1.0))
        jobs.every(0.0, job)
        await started.wait()
        await asyncio.wait_for(jobs.stop(), timeout=10)

    asyncio.run(work())


@pytest.fixture
def traced() -> Iterator[None]:
    """Trace allocations during the test."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def kept_of_a_session(chat: Chat) -> float:
    """Return the bytes that stay of a session once caches are full, without those of the shelf."""

    async def traced_after(count: int) -> int:
        await chat.answers(questions(count))
        chat.shelf.sessions.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    async def kept() -> float:
        before = await traced_after(60)
        return (await traced_after(300) - before) / 100

    return asyncio.run(kept())


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("leak", IN_PYTHON)
def test_a_leak_keeps_its_size_of_each_session(suite_module: Import, leak: str) -> None:
    assert kept_of_a_session(Chat(suite_module, leak)) == pytest.approx(KEPT_OF_A_SESSION, rel=0.05)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("leak", ["", "native"])
def test_the_service_itself_keeps_nothing_and_python_does_not_see_what_c_keeps(suite_module: Import, leak: str) -> None:
    assert abs(kept_of_a_session(Chat(suite_module, leak))) < KEPT_OF_A_SESSION / 100


def test_each_leak_has_a_benchmark_and_one_line_that_allocates_what_it_keeps(suite_module: Import) -> None:
    lines = [line for file in SUITE.glob("*.py") for line in file.read_text().splitlines()]
    marked = [found[1] for line in lines if (found := re.search(r"# kept by the leak: (\w+)$", line))]
    assert sorted(marked) == sorted(suite_module("soak", "leaks").LEAKS) == sorted(LEAKS)
    assert {name.removeprefix("leak_") for name in BENCHMARKS if name.startswith("leak_")} == LEAKS


def workload(name: str) -> ServerWorkload:
    found = BENCHMARKS[name].workload
    assert isinstance(found, ServerWorkload)
    return found


@pytest.mark.parametrize("name", sorted(LEAKS))
def test_a_leak_is_the_service_with_one_mistake(name: str) -> None:
    leak, chat = BENCHMARKS[f"leak_{name}"], BENCHMARKS["chat_quick"]
    assert leak.workload == chat.workload
    assert leak.env == {**chat.env, "CHAT_LEAK": name}


def test_the_service_with_postgresql_differs_by_its_database_and_length() -> None:
    postgresql, quick = workload("chat"), workload("chat_quick")
    assert isinstance(postgresql.load, LoadSpec)
    assert isinstance(quick.load, LoadSpec)
    assert postgresql.argv == quick.argv
    assert replace(postgresql.load, seconds=0, levels=()) == replace(quick.load, seconds=0, levels=())
    host = urlsplit(BENCHMARKS["chat"].env["CHAT_DATABASE"]).hostname
    assert host in {service.name for service in postgresql.services}


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "chat"])
def test_time_goes_as_fast_as_requests_come(name: str) -> None:
    """`memcap soak --rate` does both; in `memcap run` it is up to the benchmark."""
    assert workload(name).levels == (float(BENCHMARKS[name].env["MEMCAP_RATE"]),)


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=list(BENCHMARKS))
def test_it_is_a_soak_whose_rest_outlasts_idle_connections(benchmark: Benchmark) -> None:
    found = re.search(r"^IDLE_SECONDS = (\d+)", (SUITE / "serve.py").read_text(), re.MULTILINE)
    assert found
    assert benchmark.is_soak
    assert float(found[1]) < workload(benchmark.name).idle_seconds


def test_only_one_benchmark_is_in_the_profiles_of_every_day_and_it_takes_little_more_than_a_minute() -> None:
    (daily,) = (name for name, each in BENCHMARKS.items() if {"quick", "ci"} & set(each.tags))
    assert workload(daily).configured_seconds < 70


def test_a_message_is_json_once_its_number_is_drawn() -> None:
    text = re.sub(r"\{\d+\.\.(\d+)\}", r"\1", (SUITE / "message.json").read_text())
    assert json.loads(text) == {"text": "What can you tell me about number 100000?"}


def test_every_package_is_pinned_with_hashes() -> None:
    lines = [line for line in (SUITE / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    packages = [line for line in lines if not line.startswith(" ")]
    assert all(re.match(r"[a-z0-9-]+==\S+ ", line) and line.endswith("\\") for line in packages)
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines if line not in packages)
    direct = [line.partition("[")[0] for line in (SUITE / "requirements.in").read_text().split()]
    assert {*direct} < {line.partition("==")[0] for line in packages}
