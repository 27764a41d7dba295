"""Logs of training."""

import sys

import pytest

from mcu_slm.train.progress import ProgressEvent
from mcu_slm.train.tensorboard import FOLDER, logged
from tests.train.example import quiet

pytestmark = pytest.mark.unit


def test_every_epoch_is_logged_and_still_told(tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    told = []
    log = logged(told.append, tmp_path)
    for epoch in (1, 2):
        log(ProgressEvent("float", epoch, 2, 0.5 / epoch, "accuracy", 0.4 * epoch, 1.0))
    events = reading.EventAccumulator(str(tmp_path / FOLDER)).Reload()
    losses = [(event.step, event.value) for event in events.Scalars("float/loss")]
    assert losses == [(1, 0.5), (2, 0.25)]
    values = [event.value for event in events.Scalars("float/validation_accuracy")]
    assert values == pytest.approx([0.4, 0.8])
    assert [event.epoch for event in told] == [1, 2]


def test_without_tensorboard_progress_is_told_as_before(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    assert logged(quiet, tmp_path) is quiet
    assert list(tmp_path.iterdir()) == []
