"""Read and validate a project's configuration: ``limits.toml``, ``suites/*/suite.toml``, ``images/*/Dockerfile``."""

from memcap.config.load import NoProject, find_image, find_root, folder_in_repository, load_config

__all__ = ["NoProject", "find_image", "find_root", "folder_in_repository", "load_config"]
