"""Several sensors, of which some are slower than others."""

import numpy as np
import pytest
import torch

from mcu_slm import judge, tflite
from mcu_slm.config.models import SensorModel
from mcu_slm.errors import ConfigError
from mcu_slm.train import ExactOps, FloatOps, Head
from mcu_slm.train.families import Sensor, make_student, sensors_of, shape_of
from mcu_slm.train.prune import keep
from tests.train.example import calibrated, make_model
from tests.train.families.test_families import _converted

pytestmark = pytest.mark.unit
needs_judge = pytest.mark.skipif(not judge.available("tflm"), reason="tflite-micro not installed")
SENSORS = (Sensor(0, 2, 1), Sensor(2, 1, 2))
fused = pytest.mark.parametrize("family", ["transformer", "tcn", "bilstm"])


def _student(family: str, sensors=SENSORS, samples: int = 32):
    shape = shape_of(make_model(family), samples, 3, Head(4), sensors=sensors)
    return make_student(shape)


@fused
def test_samples_between_those_of_a_slower_sensor_are_not_looked_at(family):
    student = _student(family).eval()
    x = torch.randn(2, 1, 32, 3)
    changed = x.clone()
    changed[:, :, 1::2, 2] += 5.0
    before = student.forward(FloatOps(), x)
    assert torch.equal(student.forward(FloatOps(), changed), before)
    changed[:, :, 4, 2] += 5.0
    assert not torch.equal(student.forward(FloatOps(), changed), before)


@needs_judge
@fused
def test_the_integer_forward_is_the_judge(family):
    trained = calibrated(_student(family))
    inputs = np.random.default_rng(1).integers(-128, 128, (12, 1, 32, 3)).astype(np.int8)
    ops = ExactOps(trained.ranges)
    with torch.no_grad():
        expected = trained.student.forward(ops, ops.input(inputs)).values
    outputs = judge.run(tflite.write_model(_converted(trained, 32)), [inputs[:, None]])[0]
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


def test_pruned_channels_go_from_the_first_layer_of_every_sensor():
    student = _student("tcn")
    smaller = keep(student, {"channels": torch.arange(8)})
    assert [tuple(w.shape) for w in smaller.stem.weights] == [(8, 9, 2), (8, 5, 1)]


def test_sensors_name_all_channels_once_in_their_order():
    model = make_model(sensors=(SensorModel(channels=("x", "y")), SensorModel(channels=("z",))))
    assert sensors_of(model, ("x", "y", "z")) == (Sensor(0, 2, 1), Sensor(2, 1, 1))
    for channels in (("x", "z", "y"), ("x", "y"), ("x", "y", "z", "w")):
        with pytest.raises(ConfigError, match="all channels of"):
            sensors_of(model, channels)


@pytest.mark.parametrize(
    ("every", "samples", "message"),
    [
        (3, 32, "expected a divisor of the 4 samples"),
        (4, 27, "5 tokens of a window of 27; expected 4"),
    ],
)
def test_a_rate_that_does_not_fall_on_the_tokens_is_refused(every, samples, message):
    with pytest.raises(ConfigError, match=message):
        _student("transformer", (Sensor(0, 2, 1), Sensor(2, 1, every)), samples)


def test_token_models_have_no_sensors():
    with pytest.raises(ConfigError, match="every channel has tokens of its own"):
        _student("token-lm")
