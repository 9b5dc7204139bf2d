"""The options of servers: when they are ready, what is sent to them, and what runs next to them."""

from __future__ import annotations

import click

from memcap.cli.option_groups import gathered
from memcap.workflows.serving_options import ServingOptions

# Durations are checked with the other options of servers, so that all mistakes are reported together.
_OPTIONS = (
    click.option("--serve", is_flag=True, help="Measure a server. Needs --ready and --load."),
    click.option(
        "--ready", metavar="CHECK", help="When the server is ready: a URL that answers, tcp://HOST:PORT, or a command."
    ),
    click.option(
        "--ready-timeout", default="60s", show_default=True, metavar="TIME", help="Longest time until it is ready."
    ),
    click.option(
        "--load", metavar="LOAD",
        help="Requests to send: METHOD PATH rate=N for TIME [concurrency=N] [levels=1,2,4] [body=FILE] [header=...].",
    ),
    click.option("--warm-up", default="5s", show_default=True, metavar="TIME", help="Time between ready and load."),
    click.option(
        "--idle", default="8s", show_default=True, metavar="TIME",
        help="Rest after each load; longer than the server's keep-alive timeout.",
    ),
    click.option(
        "--grace", default="10s", show_default=True, metavar="TIME",
        help="Time to end after the stop signal; then the server is killed.",
    ),
    click.option(
        "--service", "services", multiple=True, metavar="NAME=IMAGE",
        help="A container next to the server, which reaches it by this name; may be repeated.",
    ),
)  # fmt: skip

serving_options = gathered("serving", ServingOptions, _OPTIONS)
