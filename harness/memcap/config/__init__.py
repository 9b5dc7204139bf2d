"""Read and validate a project's configuration: ``limits.toml``, ``suites/*/suite.toml``, ``images/*/Dockerfile``."""

from memcap.config.load import find_image, find_root, folder_in_repository, load_config

__all__ = ["find_image", "find_root", "folder_in_repository", "load_config"]
