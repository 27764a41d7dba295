"""`mcu-slm check`: facts of a sound file, or one error that names the rule."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mcu_slm import tflite
from tests.cli.test_cli import cli, one_error
from tests.models import tiny
from tests.ops.cases_folded import reshaped_by_its_shape
from tests.tflite.broken import FILES_BROKEN

pytestmark = pytest.mark.unit


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tflite.write_model(tiny(name="lo\x1b[31mgits")))
    return path


def test_a_sound_file_is_described_without_its_control_codes(tmp_path: Path, model: Path) -> None:
    done = cli("check", model, cwd=tmp_path)
    assert done.returncode == 0
    assert "tiny.tflite: sound, and every operator is supported" in done.stdout
    assert "input window: int8 1x4, scale 0.5, zero point -3" in done.stdout
    assert "output lo\\x1b[31mgits: int8 1x2, scale 2, zero point 5" in done.stdout
    assert "1 layers (1 FULLY_CONNECTED), 4 tensors, 8 multiply-accumulates" in done.stdout


def test_a_sound_file_as_json(tmp_path: Path, model: Path) -> None:
    facts = json.loads(cli("check", model, "--json", cwd=tmp_path).stdout)
    assert facts["ok"] is True
    assert facts["byte_count"] == model.stat().st_size
    assert facts["operators"] == {"FULLY_CONNECTED": 1}
    assert facts["inputs"][0] == {
        "name": "window",
        "dtype": "int8",
        "shape": [1, 4],
        "scale": 0.5,
        "zero_point": -3,
    }


@pytest.mark.parametrize("name", ["scale 0", "custom", "misaligned vector"])
def test_a_broken_file_is_one_error_with_its_rule(tmp_path: Path, name: str) -> None:
    (tmp_path / "upload.tflite").write_bytes(FILES_BROKEN[name].make())
    assert "upload.tflite" in one_error(cli("check", "upload.tflite", cwd=tmp_path), 2)
    error = json.loads(cli("check", "upload.tflite", "--json", cwd=tmp_path).stdout)["error"]
    assert error["values"] == {"rule": FILES_BROKEN[name].rule}


def test_an_operator_without_a_kernel_is_named(tmp_path: Path) -> None:
    graph = tiny()
    graph = replace(graph, nodes=(replace(graph.nodes[0], op="WHERE", options={}),))
    (tmp_path / "where.tflite").write_bytes(tflite.write_model(graph))
    line = one_error(cli("check", "where.tflite", cwd=tmp_path), 2)
    assert "(WHERE): WHERE has no INT8 kernel: TensorFlow Lite Micro has no kernel for it" in line


def test_folded_operators_are_counted_apart(tmp_path: Path) -> None:
    (tmp_path / "shapes.tflite").write_bytes(tflite.write_model(reshaped_by_its_shape().graph))
    done = cli("check", "shapes.tflite", cwd=tmp_path)
    assert "1 layers (1 RESHAPE), 3 more folded to constants, 9 tensors" in done.stdout
    assert (
        json.loads(cli("check", "shapes.tflite", "--json", cwd=tmp_path).stdout)["folded_count"]
        == 3
    )
