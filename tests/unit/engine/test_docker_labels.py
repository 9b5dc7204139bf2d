"""What labels prove: a copy that inherited them is not memcap's."""

from __future__ import annotations

import os
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.engine.docker_labels import (
    Ownership,
    container_labels,
    container_ownership,
    fresh_name,
    image_labels,
    own_reference,
    run_labels,
    short_name,
    system,
)

NAME = "memcap-c1-s.b-i-128m-1"
LAYER = "memcap/layer:0123456789abcdef01234567"


def test_labels_of_a_run_name_the_container_campaign_cell_and_owner() -> None:
    assert run_labels(NAME, campaign="c1", cell="s.b-i-128m") == {
        "memcap": "1",
        "memcap.self": NAME,
        "memcap.kind": "run",
        "memcap.campaign": "c1",
        "memcap.cell": "s.b-i-128m",
        "memcap.owner": f"{os.getpid()}@{socket.gethostname()}",
        "memcap.system": system(),
    }


def test_labels_of_an_image_override_every_owner_that_it_would_inherit() -> None:
    committed = {**container_labels("memcap-layer-1", kind="layer"), **image_labels(LAYER, kind="layer")}
    assert committed == image_labels(LAYER, kind="layer")
    assert {committed[label] for label in ("memcap.owner", "memcap.system")} == {""}


def test_every_container_without_a_run_has_a_name_of_its_own() -> None:
    assert fresh_name("question") != fresh_name("question")
    assert fresh_name("question").startswith("memcap-question-")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has PID namespaces")
def test_the_system_is_boot_and_pid_namespace() -> None:
    boot, _, namespace = system().partition("/")
    assert len(boot) == len("01234567-89ab-cdef-0123-456789abcdef")
    assert namespace.startswith("pid:[")


def test_elsewhere_the_system_is_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert system() == "darwin"


@pytest.mark.parametrize(
    ("labels", "names", "ownership"),
    [
        (run_labels(NAME, campaign="c1", cell="x"), [f"/{NAME}"], Ownership.OURS),
        (run_labels(NAME, campaign="c1", cell="x"), ["/other/alias", f"/{NAME}"], Ownership.OURS),
        (run_labels(NAME, campaign="c1", cell="x"), ["/renamed"], Ownership.FOREIGN),
        (run_labels(NAME, campaign="c1", cell="x"), [], Ownership.FOREIGN),
        (image_labels(LAYER, kind="layer"), ["/mine"], Ownership.FOREIGN),
        (image_labels(LAYER, kind="layer"), [f"/{NAME}"], Ownership.FOREIGN),
        ({"memcap": "1", "memcap.campaign": "c1"}, [f"/{NAME}"], Ownership.EARLIER),
        ({"memcap": "1", "memcap.campaign": "c1"}, ["/mine"], Ownership.FOREIGN),
        ({"memcap": "1", "memcap.campaign": ""}, ["/memcap--1"], Ownership.FOREIGN),
        ({"memcap": "1", "memcap.kind": "layer"}, ["/quirky_hopper"], Ownership.FOREIGN),
        ({}, ["/mine"], Ownership.FOREIGN),
    ],
)
def test_a_container_is_memcaps_under_its_own_name_only(
    labels: dict[str, str], names: list[str], ownership: Ownership
) -> None:
    assert container_ownership(labels, names) is ownership


@pytest.mark.parametrize(
    ("labels", "tags", "reference"),
    [
        (image_labels(LAYER, kind="layer"), [LAYER], LAYER),
        (image_labels(LAYER, kind="layer"), ["shop/kept:1", f"docker.io/{LAYER}"], LAYER),
        (image_labels(LAYER, kind="layer"), ["shop/kept:1"], None),
        (image_labels(LAYER, kind="layer"), ["memcap/layer:76543210fedcba9876543210"], None),
        (image_labels(LAYER, kind="layer"), [], None),
        (run_labels(NAME, campaign="c1", cell="x"), [f"{NAME}:latest"], None),
        ({"memcap": "1", "memcap.kind": "layer"}, ["shop/kept:1", LAYER], LAYER),
        ({"memcap": "1"}, ["memcap/py312:0123456789ab"], "memcap/py312:0123456789ab"),
        ({"memcap": "1"}, ["memcap/host-base:3.13.0rc1-0123456789ab"], "memcap/host-base:3.13.0rc1-0123456789ab"),
        ({"memcap": "1"}, ["shop/derived:latest", "memcap/derived:1"], None),
        ({"memcap": "1"}, ["<none>:<none>"], None),
        ({}, [LAYER], None),
    ],
)
def test_an_image_is_memcaps_under_its_own_tag_only(
    labels: dict[str, str], tags: list[str], reference: str | None
) -> None:
    assert own_reference(labels, tags) == reference


@given(st.text(), st.text())
def test_no_copy_is_memcaps(name: str, copy: str) -> None:
    same = name.lstrip("/") == copy.lstrip("/")
    owned = container_ownership(container_labels(name.lstrip("/"), kind="run"), [f"/{copy}"])
    assert owned is (Ownership.OURS if same else Ownership.FOREIGN)
    assert (own_reference(image_labels(name, kind="layer"), [copy]) is not None) == (name == short_name(copy))
