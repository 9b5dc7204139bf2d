"""Programs on frameworks that others wrote: each lets `load` allocate 40 MiB in there, and prints what it found.

    python programs.py NAME

The result is the last line, so that a run with a profiler can be compared with one without.
"""

import os
import sys

SIZE = 40 << 20
ADDRESS = ("127.0.0.1", 8765)


def load():
    return bytearray(SIZE)


def gevent():
    from gevent import monkey

    monkey.patch_all()
    import threading
    import time

    from gevent.pool import Pool

    def work(number):
        time.sleep(0.01)
        return load() if number == 3 else bytearray(number)

    kept = Pool(4).map(work, range(8))
    thread = threading.Thread(target=time.sleep, args=(0.05,))
    thread.start()
    thread.join()
    return [len(each) for each in kept]


def sqlalchemy():
    import asyncio

    from sqlalchemy import LargeBinary, create_engine, event, text
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
    from sqlalchemy.util import greenlet_spawn

    class Base(DeclarativeBase):
        pass

    class Row(Base):
        __tablename__ = "rows"
        id: Mapped[int] = mapped_column(primary_key=True)
        content: Mapped[bytes] = mapped_column(LargeBinary)

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    kept = []

    @event.listens_for(Row, "load")
    def loaded(row, _):
        kept.append(load())

    def query():  # in a greenlet of SQLAlchemy's, as under its asyncio extension
        with Session(engine) as session:
            session.add(Row(id=1, content=b"x" * 1000))
            session.commit()
            session.expunge_all()
            row = session.get(Row, 1)
            return len(row.content), session.execute(text("select count(*) from rows")).scalar()

    return asyncio.run(greenlet_spawn(query)), [len(each) for each in kept]


def celery():
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    app = Celery("programs", broker="memory://", backend="cache+memory://")
    kept = []

    @app.task(name="work")
    def work(number):
        kept.append(load())
        return number * len(kept[-1])

    with start_worker(app, pool="solo", perform_ping_check=False):
        return work.delay(2).get(timeout=30)


def application(environ, start_response):
    kept = load()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(len(kept)).encode()]


async def asgi_application(scope, receive, send):
    if scope["type"] != "http":
        return
    kept = load()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(kept)).encode()})


def asked():
    """Return what the server answers, for which it may take some time to be ready."""
    import http.client
    import time

    for _ in range(600):
        try:
            connection = http.client.HTTPConnection(*ADDRESS)
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        except OSError:
            time.sleep(0.1)
    return "no answer"


def gunicorn():
    import signal
    import threading

    from gunicorn.app.base import BaseApplication

    answers = []

    def ask():
        answers.append(asked())
        print("\n", answers, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

    class Application(BaseApplication):
        def load_config(self):
            self.cfg.set("bind", "%s:%d" % ADDRESS)
            self.cfg.set("worker_tmp_dir", "/dev/shm")
            self.cfg.set("when_ready", lambda _: threading.Thread(target=ask, daemon=True).start())

        def load(self):
            return application

    Application().run()


def uvicorn(loop="asyncio"):
    import threading

    from uvicorn import Config, Server

    server = Server(Config(asgi_application, host=ADDRESS[0], port=ADDRESS[1], loop=loop, lifespan="off"))
    answers = []

    def ask():
        answers.append(asked())
        server.should_exit = True

    thread = threading.Thread(target=ask)
    thread.start()
    server.run()
    thread.join()
    return answers


def uvloop():
    return uvicorn("uvloop")


def pandas():
    import numpy
    import pandas

    def column(group):
        return numpy.ones(SIZE // 8)[: len(group)].sum()

    frame = pandas.DataFrame({"key": [1, 1, 2], "value": [1.0, 2.0, 3.0]})
    return frame.groupby("key")["value"].apply(column).to_dict()


def length(number):
    kept = load()
    return number * len(kept)


def pool():
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as workers:
        return workers.map(length, range(2))


def again():
    kept = load()
    return len(kept)


def replaced():
    kept = bytearray(10 << 20)
    os.execv(sys.executable, [sys.executable, __file__, "again", str(len(kept))])


def msgpack():
    packed = bytearray(5 + SIZE)  # as `packb` writes it, which needs more than `unpackb`
    packed[:5] = b"\xc6" + SIZE.to_bytes(4, "big")
    return len(unpack(packed))


def unpack(packed):
    import msgpack

    return msgpack.unpackb(packed)


if __name__ == "__main__":
    print(globals()[sys.argv[1]]())
