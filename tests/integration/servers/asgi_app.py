"""Small services on frameworks that others wrote, as their tutorials have them; what they keep is known."""

import os
import time

from fastapi import FastAPI

KEPT = int(os.environ.get("KEPT", "0"))  # bytes of each request
app = FastAPI()
kept = []
connections = []


@app.get("/health")
def health():
    return {"ok": True}


@app.get("/items/{number}")
async def item(number: int):
    if KEPT:
        kept.append(b"x" * (KEPT - 41))  # with the header of a bytes object and malloc's it is KEPT
    return {"item": number, "name": "item %d" % number}


@app.get("/connected")
async def connected():
    connections.append(b"x" * (65536 - 41))  # where each request has a connection of its own
    return {"connections": len(connections)}


@app.get("/eat/{mebibytes}")
def eat(mebibytes: int):
    return {"eaten": len(b"x" * (mebibytes << 20))}


@app.get("/slow")
def slow():
    time.sleep(0.2)
    return {"slept": True}
