"""A load on a server: its language, the orders for the client that sends it, and what came of it (pure).

The client is ``probe/memcap_load``; it runs next to the server.
"""

from __future__ import annotations

from memcap.load.answers import parse_load_report
from memcap.load.events import PodEvent, parse_event, parse_events, stream_events
from memcap.load.expression import parse_load, parse_request, read_load, render_load
from memcap.load.orders import make_orders, parse_target
from memcap.load.script import make_script
from memcap.load.tools import parse_tool_output
