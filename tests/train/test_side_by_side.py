"""Teachers in processes of their own."""

import pytest
import torch

from mcu_slm.errors import TrainingError
from mcu_slm.train.loop import reproducible
from mcu_slm.train.session import open_session
from mcu_slm.train.teaching import make_guide
from tests.train.example import Identity, make_dataset, make_project, quiet

pytestmark = pytest.mark.unit


def _teachers(folder, processes, tell=quiet, **train):
    project = make_project(
        teacher={"members": 2}, **({"teacher_epochs": 1, "processes": processes} | train)
    )
    with reproducible(1):
        session = open_session(make_dataset(6), Identity(), project, folder, tell)
        return make_guide(session, session.lineage())[0].members


def test_the_number_of_processes_changes_no_teacher(tmp_path):
    told = []
    alone, together = _teachers(tmp_path / "a", 1), _teachers(tmp_path / "b", 2, told.append)
    for one, other in zip(alone, together, strict=True):
        state = other.state_dict()
        assert all(torch.equal(value, state[key]) for key, value in one.state_dict().items())
    assert sorted((event.phase, event.epoch) for event in told) == [
        ("teacher0", 1),
        ("teacher1", 1),
    ]


def test_what_fails_in_a_process_is_an_error_here(tmp_path):
    with pytest.raises(TrainingError, match="teacher0, epoch 1: the loss is"):
        _teachers(tmp_path, 2, learning_rate=1e30, teacher_epochs=2)


def test_what_is_done_starts_no_process(tmp_path, monkeypatch):
    first = _teachers(tmp_path, 1)

    def refuse(*_arguments):
        raise AssertionError

    monkeypatch.setattr("mcu_slm.train.side_by_side.multiprocessing.get_context", refuse)
    again = _teachers(tmp_path, 2)
    for one, other in zip(first, again, strict=True):
        state = other.state_dict()
        assert all(torch.equal(value, state[key]) for key, value in one.state_dict().items())
