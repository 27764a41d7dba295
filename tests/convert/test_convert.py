"""A trained student as an int8 graph, against the judge."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mcu_slm import judge, tflite
from mcu_slm.convert import convert
from mcu_slm.errors import ModelError
from mcu_slm.metadata import read_info
from mcu_slm.ops import parse_graph
from mcu_slm.train import ExactOps, TrainedStudent
from tests.train.example import (
    calibrated,
    make_dataset,
    make_info,
    make_small_student,
    trained_example,
)

pytestmark = pytest.mark.unit
needs_judge = pytest.mark.skipif(not judge.available("tflm"), reason="tflite-micro not installed")


@pytest.fixture(scope="module")
def graph():
    return convert(trained_example().trained, make_info())


@needs_judge
def test_the_integer_forward_is_the_judge_on_every_test_window(graph):
    trained, x = trained_example().trained, make_dataset().test.x
    outputs = judge.run(tflite.write_model(graph), [trained.quantize_windows(x)[:, None]])[0]
    assert np.array_equal(outputs.reshape(len(x), -1), trained.predict_int8(x))


@needs_judge
@pytest.mark.parametrize("samples", [9, 31, 65, 100])
def test_the_integer_forward_is_the_judge_for_any_window_length_and_extreme_inputs(samples):
    trained = calibrated(make_small_student(samples))
    rng = np.random.default_rng(samples)
    inputs = rng.integers(-128, 128, (12, 1, samples, 3)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    inputs[2] = rng.choice([-128, 127], inputs[2].shape)
    ops = ExactOps(trained.ranges)
    with torch.no_grad():
        expected = trained.student.forward(ops, ops.input(inputs)).values
    model = tflite.write_model(convert(trained, make_info(samples)))
    outputs = judge.run(model, [inputs[:, None]])[0]
    assert np.array_equal(outputs.reshape(12, -1), expected)


@needs_judge
@pytest.mark.skipif(not judge.available("litert"), reason="ai-edge-litert not installed")
def test_litert_reference_kernels_are_an_equal_second_witness(graph):
    inputs = trained_example().trained.quantize_windows(make_dataset().test.x)[:, None]
    model = tflite.write_model(graph)
    assert np.array_equal(judge.run(model, [inputs])[0], judge.run(model, [inputs], "litert")[0])


def test_every_layer_has_a_kernel_in_the_compiler(graph):
    assert len(parse_graph(graph)) == len(graph.nodes)


def test_input_and_output_are_int8_with_the_stated_shapes(graph):
    x, y = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    assert (x.dtype, x.shape) == ("int8", (1, 1, 32, 3))
    assert (y.dtype, y.shape) == ("int8", (1, 4))


def test_tensors_are_named_after_what_they_are(graph):
    names = [tensor.name for tensor in graph.tensors]
    expected = ["input", "patch", "position", "block0/head0/query", "block0/attention_output"]
    expected += ["block1/ffn_expand", "pool_score", "answer", "output"]
    assert [name for name in expected if name not in names] == []
    assert len(set(names)) == len(names)


def test_the_description_travels_in_the_file(graph):
    read = tflite.read_model(tflite.write_model(graph))
    assert read_info(read.metadata) == make_info()


def test_equal_students_give_equal_bytes(graph):
    again = convert(trained_example().trained, make_info())
    assert tflite.write_model(again) == tflite.write_model(graph)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window_samples": 31}, "metadata window_samples: describes 31; expected 32"),
        ({"labels": ("a",)}, "metadata labels: describes 1; expected 4"),
        ({"units": ()}, "metadata units: describes 0; expected 3"),
        ({"mean": (0.0,)}, "metadata mean: describes 1; expected 3"),
    ],
)
def test_a_description_of_another_model_is_refused(change, message):
    with pytest.raises(ModelError, match=message):
        convert(trained_example().trained, replace(make_info(), **change))


def test_a_student_without_ranges_is_refused():
    student = make_small_student()
    with pytest.raises(ModelError, match="input: no activation range"):
        convert(TrainedStudent(student), make_info())
