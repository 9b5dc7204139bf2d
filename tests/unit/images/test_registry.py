from __future__ import annotations

import pytest

from memcap.engine.docker_labels import short_name
from memcap.errors import ImageMissing
from memcap.images.registry import is_unreachable


@pytest.mark.parametrize(
    "message",
    [
        'Get "https://registry.example.org/v2/": dial tcp: lookup registry.example.org on 10.0.0.2:53: no such host',
        'Get "https://registry.example.org/v2/": net/http: request canceled (Client.Timeout exceeded)',
        'Get "https://localhost:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
        'Get "https://registry.example.org/v2/": proxyconnect tcp: dial tcp 10.0.0.9:3128: i/o timeout',
        'Get "https://mirror.example.org/v2/": tls: failed to verify certificate: x509: unknown authority',
        "toomanyrequests: You have reached your pull rate limit.",
        "initializing source docker://app:1: pinging container registry registry.example.org: Temporary failure",
        'Get "https://registry.example.org/v2/": EOF',
    ],
)
def test_a_registry_that_does_not_answer_is_known_by_the_daemons_words(message: str) -> None:
    assert is_unreachable(ImageMissing(f"could not pull python:3.12-slim: {message}"))


@pytest.mark.parametrize(
    "message",
    [
        "manifest for python:3.99-slim not found: manifest unknown: manifest unknown",
        "pull access denied for nobody/nothing, repository does not exist or may require 'docker login'",
        "write /var/lib/docker/tmp/GetImageBlob1: no space left on device",
    ],
)
def test_an_image_that_is_not_there_is_something_else(message: str) -> None:
    assert not is_unreachable(ImageMissing(f"could not pull it: {message}"))


@pytest.mark.parametrize(
    ("written", "short"),
    [
        ("docker.io/memcap/layer:0123", "memcap/layer:0123"),
        ("memcap/layer:0123", "memcap/layer:0123"),
        ("localhost/docker.io/x:1", "localhost/docker.io/x:1"),
    ],
)
def test_tags_are_shown_as_docker_writes_them(written: str, short: str) -> None:
    assert short_name(written) == short
