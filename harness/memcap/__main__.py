"""``python -m memcap``."""

from memcap.cli import main

main()
