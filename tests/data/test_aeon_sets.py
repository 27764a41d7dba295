"""The data sets inside aeon: real recordings, the official split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm.config import load_project
from mcu_slm.data import load_dataset
from mcu_slm.errors import DataError

pytest.importorskip("aeon")
pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / "examples" / "basic_motions"


def test_basic_motions_keeps_the_official_test_and_validates_on_training_recordings() -> None:
    project = load_project(EXAMPLE)
    dataset = load_dataset(project.data, project.directory, project.project.seed)
    counts = {name: values.tolist() for name, values in dataset.class_counts.items()}
    assert counts == {"train": [8] * 4, "validation": [2] * 4, "test": [10] * 4}
    assert dataset.train.x.shape == (32, 100, 6)
    assert dataset.train.x.dtype == np.float32
    assert dataset.classes == ("standing", "running", "walking", "badminton")
    assert all("train" in source for source in (*dataset.train.source, *dataset.validation.source))
    assert all("test" in source for source in dataset.test.source)
    assert dataset.warnings == ()


def test_other_channels_are_refused() -> None:
    project = load_project(EXAMPLE)
    data = project.data.model_copy(update={"channels": ("x",), "channel_units": ("g",)})
    with pytest.raises(DataError, match=r"has 6 channels; expected 1: x"):
        load_dataset(data, project.directory, 0)
