"""One training phase: resuming, the best epoch, failures."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from mcu_slm.errors import TrainingError
from mcu_slm.train.checkpoint import CheckpointStore, fingerprint, load_state, save_state
from mcu_slm.train.loop import (
    Phase,
    Schedule,
    TensorWindows,
    learning_rate,
    reproducible,
    run_phase,
)
from mcu_slm.train.tasks import Score
from tests.train.example import quiet

pytestmark = pytest.mark.unit
GENERATOR = torch.Generator().manual_seed(0)
DATA = TensorWindows(torch.randn(60, 4, generator=GENERATOR), torch.arange(60) % 2)


def _phase(
    model: nn.Module, epochs: int = 6, loss=None, lineage: str = "a", validate=None, cycle=0
):
    def default(batch):
        noise = torch.randn(batch.x.shape, generator=batch.generator)
        return functional.cross_entropy(model(batch.x + 0.1 * noise), batch.y)

    return Phase(
        "phase",
        model,
        Schedule(epochs, 1e-2, batch_size=20),
        lineage,
        loss or default,
        validate or (lambda: Score(0.5, 1.0)),
        stream="test",
        cycle=cycle,
    )


def _model() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.Linear(8, 2))


def _weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_an_interrupted_phase_ends_with_the_weights_of_an_uninterrupted_one(tmp_path):
    whole = _model()
    run_phase(_phase(whole), DATA, 3, CheckpointStore(tmp_path / "whole"), quiet)

    def interrupt(event):
        if event.epoch == 3:
            raise KeyboardInterrupt

    store, broken, seen = CheckpointStore(tmp_path / "broken"), _model(), []
    with pytest.raises(KeyboardInterrupt):
        run_phase(_phase(broken), DATA, 3, store, interrupt)
    continued = _model()
    run_phase(_phase(continued), DATA, 3, store, lambda event: seen.append(event.epoch))
    assert seen == [4, 5, 6]
    assert torch.equal(_weights(continued), _weights(whole))


def test_a_complete_phase_is_loaded_not_repeated(tmp_path):
    store, first, second, seen = CheckpointStore(tmp_path), _model(), _model(), []
    run_phase(_phase(first), DATA, 3, store, quiet)
    run_phase(_phase(second), DATA, 3, store, seen.append)
    assert seen == []
    assert torch.equal(_weights(first), _weights(second))


def test_a_checkpoint_of_other_settings_is_not_continued(tmp_path):
    store, seen = CheckpointStore(tmp_path), []
    run_phase(_phase(_model()), DATA, 3, store, quiet)
    run_phase(_phase(_model(), lineage="b"), DATA, 3, store, lambda event: seen.append(event.epoch))
    assert seen == [1, 2, 3, 4, 5, 6]


def test_the_best_of_the_late_epochs_is_kept(tmp_path):
    model, snapshots = _model(), []
    scores = [Score(0.5, 1.0), Score(0.99, 0.1), *[Score(0.6, 1.0)] * 4]
    scores += [Score(0.9, 0.4), Score(0.9, 0.6)]

    def validate():
        snapshots.append(_weights(model))
        return scores[len(snapshots) - 1]

    phase = _phase(model, epochs=8, validate=validate)
    run_phase(phase, DATA, 3, CheckpointStore(tmp_path), quiet)
    assert torch.equal(_weights(model), snapshots[6])


def test_a_loss_that_is_not_finite_names_phase_and_epoch(tmp_path):
    model = _model()
    phase = _phase(model, loss=lambda batch: model(batch.x).sum() * float("nan"))
    with pytest.raises(TrainingError, match=r"phase, epoch 1: the loss is nan; expected a finite"):
        run_phase(phase, DATA, 3, CheckpointStore(tmp_path), quiet)


def test_progress_tells_the_time_left(tmp_path):
    events = []
    run_phase(_phase(_model()), DATA, 3, CheckpointStore(tmp_path), events.append)
    assert [e.epoch for e in events] == [1, 2, 3, 4, 5, 6]
    assert events[0].epochs == 6
    assert events[-1].seconds_left == 0
    assert all(math.isfinite(e.loss) for e in events)


def test_the_rate_rises_then_falls():
    schedule = Schedule(10, 1.0, warmup=0.2)
    rates = [learning_rate(schedule, i / 100) for i in range(101)]
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[0] == pytest.approx(0.05)
    assert rates[-1] == pytest.approx(0.01)
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_settings_of_pytorch_are_put_back():
    before = (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads())
    state = torch.random.get_rng_state()
    with reproducible(1):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
        torch.rand(3)
    assert (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()) == before
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_a_damaged_checkpoint_is_an_error_with_a_remedy(tmp_path, content):
    path = tmp_path / "phase.pt"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"not a readable checkpoint.*Delete the file"):
        CheckpointStore(tmp_path).load("phase", "a")


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = save_state(tmp_path / "x.pt", {"a": 1})
    torch.save([1, 2], path)
    with pytest.raises(TrainingError, match="holds a list; expected a checkpoint"):
        load_state(path)


def test_no_half_written_file_is_left(tmp_path):
    run_phase(_phase(_model()), DATA, 3, CheckpointStore(tmp_path), quiet)
    assert [p.name for p in tmp_path.iterdir()] == ["phase.pt"]


def test_fingerprints_tell_settings_apart():
    assert fingerprint("a", 1) == fingerprint("a", 1)
    assert fingerprint("a", 1) != fingerprint("a", 2)


def test_a_stream_that_starts_again_repeats_its_batches(tmp_path):
    model, seen = _model(), {}

    def loss(batch):
        x, y = batch.x, batch.y
        drawn = torch.cat([x.flatten(), torch.rand(3, generator=batch.generator)])
        seen.setdefault(batch.number, []).append(drawn)
        return functional.cross_entropy(model(x), y)

    phase = _phase(model, epochs=5, loss=loss, cycle=2)
    run_phase(phase, DATA, 3, CheckpointStore(tmp_path), quiet)
    assert {number for number, _ in seen} == {0, 1}
    assert all(torch.equal(draws[0], draw) for draws in seen.values() for draw in draws)
    assert not torch.equal(seen[0, 0][0], seen[1, 0][0])
