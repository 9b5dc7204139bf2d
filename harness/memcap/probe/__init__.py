"""What goes into the container: the supervisor (C, ``csrc/``) and the runner, and the format of what they report.

``runner.py`` and ``memcap_runner.py`` run in the image, on Python 3.8 or newer, and import nothing of memcap's.
"""
