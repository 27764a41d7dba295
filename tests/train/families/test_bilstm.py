"""The recurrent network: what its directions see, what its graph holds, what is pruned."""

from collections import Counter

import numpy as np
import pytest
import torch

from mcu_slm import judge, tflite
from mcu_slm.config import BiLstmModel
from mcu_slm.convert import convert, sketch
from mcu_slm.errors import ConfigError
from mcu_slm.metadata import ModelInfo
from mcu_slm.train import ExactOps, FloatOps, Head, TrainedStudent
from mcu_slm.train.families import BiLstmShape, make_student
from mcu_slm.train.prune import importance, keep
from tests.train.example import CHANNELS, CLASSES, calibrated, make_info, make_small_student

pytestmark = pytest.mark.unit
needs_judge = pytest.mark.skipif(not judge.available("tflm"), reason="tflite-micro not installed")
PER_TOKEN = Head(2, per_token=True)
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def _student(head: Head | None = None, **model):
    return make_small_student(32, head, family="bilstm", **model).eval()


def _tokens_that_see(student, sample: int) -> list[bool]:
    """Return which tokens' answers depend on a sample."""
    x = torch.randn(1, 1, 32, CHANNELS, generator=torch.Generator().manual_seed(1))
    moved = x.clone()
    moved[:, :, sample] += 1.0
    before, after = (student.forward(FloatOps(), window) for window in (x, moved))
    return (before != after).any(-1)[0].tolist()


def test_one_direction_never_looks_ahead_and_two_see_everything():
    forward = _student(PER_TOKEN, bidirectional=False)
    assert _tokens_that_see(forward, 31) == [False] * 7 + [True]
    assert _tokens_that_see(forward, 0) == [True] * 8
    both = _student(PER_TOKEN)
    assert _tokens_that_see(both, 31) == _tokens_that_see(both, 0) == [True] * 8


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({}, {LSTM: 2, "REVERSE_V2": 2, "CONCATENATION": 1}),
        ({"bidirectional": False}, {LSTM: 1}),
        ({"layers": 2}, {LSTM: 4, "REVERSE_V2": 4, "CONCATENATION": 2}),
        ({"mean_pooling": True}, {LSTM: 2, "REVERSE_V2": 2, "CONCATENATION": 2, "MEAN": 1}),
    ],
)
def test_each_direction_is_one_operator_and_joining_rescales_nothing(model, expected):
    graph = sketch(_student(**model))
    found = Counter(node.op for node in graph.nodes)
    del found["RESHAPE"]
    rest = {"CONV_2D": 3, "SOFTMAX": 1, "BATCH_MATMUL": 1}
    assert found == expected | rest


def test_a_forget_gate_keeps_at_first():
    direction = _student().layers[0].directions[0]
    expected = torch.zeros_like(direction.bias)
    expected[1] = 1.0
    assert torch.equal(direction.bias, expected)


@needs_judge
@pytest.mark.parametrize(
    ("model", "units"),
    [
        ({"bidirectional": False}, ((8,),)),
        ({"units": 8}, ((3, 8),)),
        ({"layers": 2, "mean_pooling": True}, ((8, 4), (1, 6))),
    ],
)
def test_the_integer_forward_is_the_judge_whatever_is_left_of_each_direction(model, units):
    kept = {
        f"layer{i}/{direction}": torch.arange(8)[-count:]
        for i, layer in enumerate(units)
        for direction, count in zip(("forward", "backward"), layer, strict=False)
    }
    trained = calibrated(keep(_student(**model), kept))
    assert trained.student.shape.units == units
    _require_judge_agrees(trained)


@needs_judge
def test_the_integer_forward_is_the_judge_where_gates_saturate_and_cells_count():
    student = _student(stem_stride_samples=1)
    with torch.no_grad():
        for direction in student.layers[0].directions:
            direction.weights *= 20.0
            direction.recurrent *= 5.0
            # Two units add nearly 1 at each of the 32 steps.
            direction.weights[:, :2] = direction.recurrent[:, :2] = 0.0
            direction.bias[:, :2] = 8.0
    trained = calibrated(student)
    assert trained.ranges.cell_scale("layer0/forward/cell") == 2.0**-10
    _require_judge_agrees(trained)


def _require_judge_agrees(trained: TrainedStudent) -> None:
    rng = np.random.default_rng(5)
    inputs = rng.integers(-128, 128, (12, 1, 32, CHANNELS)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    ops = ExactOps(trained.ranges)
    with torch.no_grad():
        expected = trained.student.forward(ops, ops.input(inputs)).values
    graph = convert(trained, ModelInfo(**{**vars(make_info(32)), "labels": ()}))
    outputs = judge.run(tflite.write_model(graph), [inputs[:, None]])[0]
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


def _silenced(student, units: dict[str, list[int]]):
    """Return a copy in which some units do nothing."""
    silenced = make_student(student.shape)
    silenced.load_state_dict(student.state_dict())
    state = silenced.state_dict()
    with torch.no_grad():
        for group in student.units():
            for key, axis, first in group.places():
                if not key.endswith(("running_mean", "running_variance")):
                    for unit in units.get(group.name, []):
                        state[key].movedim(axis, 0)[first + unit] = 0.0
    return silenced.eval()


def test_silent_units_of_both_directions_go_at_once_and_change_nothing():
    names = ["stem/channels", "layer0/forward", "layer0/backward", "layer1/backward"]
    silent = {name: [i, 7 - i] for i, name in enumerate(names)}
    student = _silenced(_student(layers=2, mean_pooling=True), silent)
    kept = {
        name: torch.tensor([i for i in range(8) if i not in units])
        for name, units in silent.items()
    }
    smaller = keep(student, kept)
    assert smaller.shape.units == ((6, 6), (8, 6))
    x = torch.randn(6, 1, 32, CHANNELS)
    expected = student.forward(FloatOps(), x)
    torch.testing.assert_close(smaller.forward(FloatOps(), x), expected, atol=1e-5, rtol=1e-4)


def test_importance_tells_the_directions_apart():
    student = _silenced(_student(), {"layer0/backward": [2]})

    def loss(candidate, x, _):
        return candidate.forward(FloatOps(), x.unsqueeze(1)).square().sum()

    scores = importance(student, [(torch.randn(4, 32, CHANNELS), torch.zeros(4))], loss)
    assert scores["layer0/backward"][2] == 0.0
    assert (scores["layer0/forward"] > 0).all()
    assert (scores["layer0/backward"][[0, 1, 3, 4, 5, 6, 7]] > 0).all()


def test_a_window_of_one_token_is_refused():
    model = BiLstmModel(family="bilstm", stem_stride_samples=4)
    with pytest.raises(ConfigError, match="a window of 4 samples gives 1 token"):
        BiLstmShape.of(model, 4, CHANNELS, Head(CLASSES))
    with pytest.raises(ValueError, match="stem_stride_samples 4 do not fit"):
        model.require_window(4)
