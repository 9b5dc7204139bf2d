"""What goes into containers: the supervisor (C, ``csrc/``), the runner and the load client, and what they report.

``runner.py``, ``memcap_runner.py`` and ``memcap_load/`` run in an image, on Python 3.8 or newer, and import nothing of
memcap's.
"""
