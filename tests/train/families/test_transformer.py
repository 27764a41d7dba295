"""The network: shapes, locality, limits."""

from dataclasses import replace

import pytest
import torch

from mcu_slm.errors import ConfigError
from mcu_slm.train import FloatOps
from mcu_slm.train.backends import FoldedBatchNorm
from mcu_slm.train.families import (
    BlockShape,
    TransformerShape,
    deployed_parameter_count,
    parameter_count,
)
from tests.train.example import make_small_student

pytestmark = pytest.mark.unit


def _shape(samples: int = 32, **model) -> TransformerShape:
    return make_small_student(samples, **model).shape


@pytest.mark.parametrize("samples", [8, 9, 30, 31, 65, 100, 128, 206])
def test_any_window_length_gives_logits(samples):
    student = make_small_student(samples)
    logits = student.forward(FloatOps(), torch.randn(5, 1, samples, 3))
    assert logits.shape == (5, 4)


def test_the_last_block_attends_to_all_tokens_when_asked():
    assert [b.attention_window for b in _shape(64).blocks] == [4, 16]
    assert [b.attention_window for b in _shape(64, last_block_global=False).blocks] == [4, 4]


def test_attention_is_local():
    """A sample changed in one attention window leaves the tokens of the others untouched."""
    student = make_small_student(64, blocks=1, last_block_global=False).eval()
    captured = {}

    class Recorder(FloatOps):
        def add(self, name, a, b):
            captured[name] = super().add(name, a, b)
            return captured[name]

    x = torch.randn(1, 1, 64, 3, generator=torch.Generator().manual_seed(0))
    student.forward(Recorder(), x)
    before = captured["block0/ffn_residual"]
    changed = x.clone()
    changed[:, :, 60:] += 1.0
    student.forward(Recorder(), changed)
    difference = (captured["block0/ffn_residual"] - before).abs().amax((0, 2, 3))
    assert difference[:3].tolist() == [0.0, 0.0, 0.0]
    assert difference[3] > 0


def test_deployed_parameters_leave_out_the_folded_normalisation():
    student = make_small_student()
    norms = sum(parameter_count(m) for m in student.modules() if isinstance(m, FoldedBatchNorm))
    assert norms == 5 * 2 * 16
    assert deployed_parameter_count(student) == parameter_count(student) - norms


def test_more_heads_than_the_runtime_can_join_are_refused():
    shape = _shape()
    with pytest.raises(ConfigError, match="11 heads; expected 1 to 10"):
        replace(shape, blocks=(BlockShape(11, 8, 4),))


def test_attention_windows_that_leave_tokens_over_are_refused():
    with pytest.raises(ConfigError, match="8 tokens in windows of 3"):
        replace(_shape(), blocks=(BlockShape(1, 8, 3),))
