"""Instruments: what goes into the container to see which lines allocated, and how runs are made with it.

The seam is small:

- ``memcap.images.instrumented.build_instrumented(client, layer, tool, say=)`` makes a layer with the tool in it.
- ``launching.Instrument`` says what is to be noted; ``launching.instrumented(spec, instrument, layer, artefacts=,
  raised_bytes=)`` how a run is launched with it.
- ``launching.with_looks(spec, rules)`` says how a program is launched in a soak that looks into it.
- ``session.Session(engine, cell, layer, settings)`` executes runs of one cell without (``plain``) and with it
  (``recorded``), says what it needs (``idle_footprint``), and has what was noted read in the image (``render``).
- ``reading.read_noted(artefacts)`` returns processes and sites.
"""

from __future__ import annotations
