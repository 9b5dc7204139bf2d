"""The files of CI services: a job that judges the memory of a change. Pure."""

from __future__ import annotations

import glob
import json
import shlex
from typing import Final

from memcap import __version__
from memcap.init.choose import Choice, ChosenImage, ImageKind
from memcap.init.look import Repository
from memcap.model.names import slug

_GITHUB: Final = """\
# Judges the memory of {subject} on each pull request; docs/ci.md of memcap has more.
name: {name}

on: pull_request

permissions:
  contents: read

jobs:
  memory:
    runs-on: ubuntu-latest
    timeout-minutes: 30
{defaults}    steps:
      - uses: actions/checkout@v6
        with:
          fetch-depth: 2  # HEAD^1, the base, must be there
          persist-credentials: false
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"  # memcap's own; what is measured runs in the image
      - run: python -m pip install 'memcap[report]=={version}'
{build}      - run: {run}
      - uses: actions/upload-artifact@v6
        if: ${{{{ !cancelled() }}}}
        with:
          name: {name}
          path: |
            {folder}results/*
            !{folder}results/baselines
          if-no-files-found: ignore
"""
_GITHUB_BUILD: Final = """\
      - run: docker build --tag "$IMAGE" .  # or pull the image that an earlier job pushed
        env:
          IMAGE: {image}
"""
_GITLAB: Final = """\
# Judges the memory of {subject} on each merge request; docs/ci.md of memcap has more. The runner must allow privileged
# services: the Docker daemon is one.
{name}:
  image: python:3.12  # memcap's own Python; what is measured runs in the image
  services:
    - name: docker:dind
      alias: docker
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  timeout: 30m
  variables:
    DOCKER_HOST: tcp://docker:2375
    DOCKER_TLS_CERTDIR: ""
    GIT_DEPTH: "0"  # the base's commit must be there
  script:
    - python -m pip install 'memcap[report]=={version}'
{change}    - {run}
  artifacts:
    when: always
    paths: [{results}]
    reports:
      junit: {junit}
"""
_GITLAB_INCLUDE: Final = "include:\n  - local: {path}\n"


def service_files(repository: Repository, choice: Choice) -> dict[str, str]:
    """Return the files of the chosen service: path from the top of the git repository to text."""
    suffix = slug(repository.folder, "-")
    name = f"memory-{suffix}" if suffix else "memory"
    if choice.service == "github":
        return {f".github/workflows/{name}.yml": _github(repository, choice, name)}
    if choice.service == "gitlab":
        path = f".gitlab/{name}.yml"
        return {path: _gitlab(repository, choice, name), ".gitlab-ci.yml": _GITLAB_INCLUDE.format(path=f"/{path}")}
    return {}


def _github(repository: Repository, choice: Choice, name: str) -> str:
    image, folder = choice.image, repository.folder
    run, build = "memcap run --base-ref HEAD^1 --until-decided", ""
    if image.kind is ImageKind.REFERENCE:
        built = f"{_repository_of(image)}:${{{{ github.sha }}}}"
        build = _GITHUB_BUILD.format(image=built)
        run = f'memcap run --image "{image.name}=$IMAGE"'
    run += " --report github --report html=results/memcap.html"
    if image.kind is ImageKind.REFERENCE:
        run += f"\n        env:\n          IMAGE: {built}"
    defaults = f"    defaults:\n      run:\n        working-directory: {json.dumps(folder)}\n" if folder else ""
    return _GITHUB.format(
        subject=folder or "this repository",
        name=name,
        defaults=defaults,
        version=__version__,
        build=build,
        run=run,
        folder=f"{glob.escape(folder)}/" if folder else "",  # both services read paths to keep as patterns
    )


def _gitlab(repository: Repository, choice: Choice, name: str) -> str:
    image, folder = choice.image, repository.folder
    results = f"{glob.escape(folder)}/results" if folder else "results"
    run, change = 'memcap run --base-ref "$CI_MERGE_REQUEST_DIFF_BASE_SHA" --until-decided', ""
    if image.kind is ImageKind.REFERENCE:
        run = f'memcap run --image "{image.name}={_repository_of(image)}:$CI_COMMIT_SHA"'
        change = "    # The image is pulled: let an earlier job build and push it.\n"
    return _GITLAB.format(
        subject=folder or "this repository",
        name=name,
        version=__version__,
        change=(f"    - cd {shlex.quote(folder)}\n" if folder else "") + change,
        run=run + " --report junit=results/memcap-junit.xml",
        results=json.dumps(results),
        junit=json.dumps(f"{results}/memcap-junit.xml"),
    )


def _repository_of(image: ChosenImage) -> str:
    """Return a reference without its tag and digest."""
    name = image.source.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name
