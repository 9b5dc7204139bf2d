"""What goes into containers: the supervisor (C, ``csrc/``), the runner and the load client, and what they report.

Nothing here imports the rest of memcap; ``runner.py``, ``memcap_runner.py`` and ``memcap_load/`` run on Python 3.8 or
newer.
"""
