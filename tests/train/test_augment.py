"""Changes of training windows."""

import pytest
import torch

from mcu_slm.config import AugmentConfig
from mcu_slm.train.augment import augment, mask_stretch, mixup, shift_in_time

pytestmark = pytest.mark.unit
OFF = AugmentConfig(
    noise_std=0.0,
    scale_std=0.0,
    offset_std=0.0,
    shift_samples=0,
    mask_samples=0,
    mixup_alpha=0.0,
)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_switched_off_nothing_changes():
    x = torch.randn(4, 10, 2)
    assert torch.equal(augment(x, OFF, _generator()), x)


@pytest.mark.parametrize(
    "field", ["noise_std", "scale_std", "offset_std", "shift_samples", "mask_samples"]
)
def test_every_switch_changes_windows_and_nothing_but_its_generator_decides(field):
    x = torch.randn(16, 20, 2)
    how = OFF.model_copy(update={field: 3 if field.endswith("samples") else 0.1})
    first, second = augment(x, how, _generator()), augment(x, how, _generator())
    assert not torch.equal(first, x)
    assert torch.equal(first, second)


def test_shift_repeats_the_edge():
    x = torch.arange(10.0).reshape(1, 10, 1).repeat(50, 1, 1)
    shifted = shift_in_time(x, 2, _generator())
    by = shifted[:, 5, 0] - 5
    assert set(by.tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert torch.equal(shifted[..., 0], (x[..., 0] + by[:, None]).clamp(0, 9))


def test_mask_silences_all_channels_of_one_stretch():
    masked = mask_stretch(torch.ones(200, 30, 3), 5, _generator())
    silent = (masked == 0).all(-1)
    assert torch.equal(silent, (masked == 0).any(-1))
    assert 0 < int(silent.sum(1).max()) <= 5
    # Contiguous: at most one change from sound to silence.
    assert int((silent[:, 1:] & ~silent[:, :-1]).sum(1).max()) <= 1


def test_mixup_mixes_windows_and_targets_with_the_same_share():
    targets = torch.eye(4)
    x = targets.unsqueeze(1).repeat(1, 6, 1)
    mixed, mixed_targets = mixup(x, targets, 1.0, _generator())
    assert torch.allclose(mixed[:, 0], mixed_targets)
    assert torch.allclose(mixed_targets.sum(1), torch.ones(4))
    assert not torch.equal(mixed_targets, targets)


def test_mixup_off_returns_the_same_objects():
    x, targets = torch.ones(2, 3, 1), torch.ones(2, 2)
    mixed, mixed_targets = mixup(x, targets, 0.0, _generator())
    assert mixed is x
    assert mixed_targets is targets
