"""Processes, threads and sockets, as programs of the standard library alone use them: `many.py NAME`."""

import os
import sys
import time

from data import main

MIB = 1024 * 1024
HOLD = 0.2


def work(number):
    """What a worker does: hold some memory while all of them are there."""
    block = bytearray(5 * MIB)
    time.sleep(HOLD)
    return len(block) + number


def pool():
    """multiprocessing.Pool waits for ever for a worker that was killed; this one does not wait so long."""
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(4) as workers:
        return workers.map_async(work, range(4), chunksize=1).get(timeout=5)


def meet(barrier):
    """Wait until all workers are there, however long each takes to start."""
    barrier.wait(timeout=20)


def executor():
    """concurrent.futures notices a killed worker."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    spawning = multiprocessing.get_context("spawn")
    barrier = (spawning.Barrier(3),)
    with ProcessPoolExecutor(3, mp_context=spawning, initializer=meet, initargs=barrier) as workers:
        return list(workers.map(work, range(3)))


def threads():
    """Threads that fill a queue, which nobody empties in time."""
    import queue
    import threading

    waiting = queue.Queue()

    def produce(number):
        for _ in range(40):
            waiting.put(bytes([number]) * 100_000)

    crowd = [threading.Thread(target=produce, args=(n,)) for n in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return waiting


def subprocesses():
    """Several interpreters at once."""
    import subprocess

    code = "import json, time; x = bytearray(2 << 20); print('ready', flush=True); input()"
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)
    ]
    for child in children:
        if child.stdout.readline() != b"ready\n":
            sys.exit(1)
    time.sleep(0.05)
    for child in children:
        child.communicate(b"\n")
        if child.returncode != 0:
            sys.exit(1)


def captured():
    """All that a child prints, in memory."""
    import subprocess

    code = "import sys\nfor _ in range(200): sys.stdout.write('x' * 100_000)"
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout


def sockets():
    """An echo server with some clients, in one process."""
    import asyncio

    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def client(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * MIB)
        answer = await reader.readexactly(MIB)
        writer.close()
        return answer

    async def run():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        answers = await asyncio.gather(*(client(port) for _ in range(16)))
        await asyncio.sleep(0.05)
        server.close()
        return answers

    return asyncio.run(run())


def http_server():
    """A threaded HTTP server that sends large answers."""
    import threading
    import urllib.request
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 4 * MIB)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = "http://127.0.0.1:%d/" % server.server_port
    answers = [urllib.request.urlopen(address).read() for _ in range(4)]
    server.shutdown()
    return answers


def prefork():
    """A master that forks workers, which then write to what they share."""
    table = [str(n) * 3 for n in range(120_000)]
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            length = sum(len(text) for text in table)  # counting references unshares the pages
            time.sleep(HOLD)
            os._exit(length == 0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(1)
    return table


if __name__ == "__main__":
    main(
        {
            "pool": pool,
            "executor": executor,
            "threads": threads,
            "subprocesses": subprocesses,
            "captured": captured,
            "asyncio": sockets,
            "http-server": http_server,
            "prefork": prefork,
        }
    )
