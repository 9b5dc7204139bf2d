"""What stands for an image where runs are processes of this machine."""

from __future__ import annotations

import platform
import sys
from pathlib import Path, PurePosixPath

import pytest

from factories import make_plan, make_plan_cell
from memcap.config import load_config
from memcap.errors import SelectionError
from memcap.images.this_machine import HOST, host_layers, on_this_machine
from memcap.model import Suite
from memcap.plan import Selection
from memcap.plan import make_plan as plan_cells
from memcap.references import image_by_word

ROOT = Path(__file__).parents[3]


def test_measure_host_names_this_machine() -> None:
    assert image_by_word("host") == HOST


def test_a_project_is_planned_on_this_machine_alone() -> None:
    config = on_this_machine(load_config(ROOT))
    plan = plan_cells(config, profile="quick", selection=Selection())
    assert {cell.image for cell in plan.cells} == {HOST}
    assert len({cell.id for cell in plan.cells}) == len(plan.cells)
    with pytest.raises(SelectionError, match="no image 'py312'"):
        plan_cells(config, profile="quick", selection=Selection(images=("py312",)))


def test_a_layer_is_the_folder_of_its_suite_with_this_python(tmp_path: Path) -> None:
    suite = Suite(name="agents", directory=tmp_path, description="", benchmarks=())
    (layer,) = host_layers(make_plan(make_plan_cell(image="host")), {"agents": suite}).values()
    assert (layer.id, layer.search_path) == (str(tmp_path.resolve()), (PurePosixPath("/memcap/suite"),))
    assert layer.image.python is not None
    assert layer.image.python.executable == sys.executable
    assert layer.image.python.version == platform.python_version()
    assert (layer.image.origin, layer.image.mutable) == ("this machine", False)


def test_without_a_suite_there_are_no_files() -> None:
    layers = host_layers(make_plan(make_plan_cell(image="host")), {})
    assert [(key, layer.id, layer.search_path) for key, layer in layers.items()] == [(("host", "agents"), "", ())]
