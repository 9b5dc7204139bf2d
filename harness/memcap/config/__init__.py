"""Read and validate a project's configuration: ``limits.toml``, ``suites/*/suite.toml``, ``images/*/Dockerfile``."""

from memcap.config.load import find_root, load_config

__all__ = ["find_root", "load_config"]
