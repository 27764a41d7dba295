"""Values beyond a limit saturate, in training as on the board."""

import pytest
from pydantic import ValidationError

from mcu_slm.train import TrainedStudent
from mcu_slm.train.families import shape_from_json
from mcu_slm.train.session import open_session
from tests.train.example import (
    Identity,
    make_dataset,
    make_model,
    make_project,
    make_small_student,
    quiet,
)

pytestmark = pytest.mark.unit


def test_input_limits_reach_windows_and_the_int8_input(tmp_path):
    project = make_project(model={"input_limit": 1.5}, teacher={"enabled": False})
    session = open_session(make_dataset(10), Identity(), project, tmp_path, quiet)
    for part in (session.train, session.validation, session.test):
        assert float(part.x.abs().max()) == 1.5
    student = make_small_student(family="tcn", input_limit=1.5)
    scale, zero_point = TrainedStudent(student).ranges.quantization("input")
    assert (127 - zero_point) * scale == pytest.approx(1.5, rel=0.02)
    assert (-128 - zero_point) * scale == pytest.approx(-1.5, rel=0.02)


def test_the_limit_survives_json_and_is_that_of_the_shape():
    shape = make_small_student(family="filterbank", input_limit=1.5).shape
    assert shape_from_json(shape.to_json()).input_limit == 1.5
    assert make_small_student().input_range is None


def test_tokens_have_bins_instead():
    with pytest.raises(ValidationError, match="whose bins say what is beyond"):
        make_model("token-lm", input_limit=1.5)
