"""Which Dockerfiles build an image with Python in it."""

from __future__ import annotations

import pytest

from memcap.init.dockerfile import has_python


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:3.12-slim\n",
        "ARG BASE=python:3.12\nFROM ${BASE}\n",
        "from --platform=linux/amd64 python:3.12 as base\nFROM node AS pages\nFROM base\nCOPY --from=pages /x /x\n",
        "FROM python:3.12 AS build\nFROM build AS Second\nFROM second\n",
        "FROM ghcr.io/astral-sh/uv AS uv\nFROM debian\nCOPY --from=uv /uv /bin/\nRUN uv sync\n",
    ],
)
def test_there_is_python_in_what_is_built(text: str) -> None:
    assert has_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FROM",
        "# no python here\nFROM node:22\n  # RUN pip install x\nRUN npm ci\n",
        "FROM python:3.12 AS build\nRUN pip install mkdocs\nFROM nginx\nCOPY --from=build /site /site\n",
    ],
)
def test_there_is_none(text: str) -> None:
    assert not has_python(text)
