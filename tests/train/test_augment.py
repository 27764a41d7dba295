"""Changes of training windows."""

import math

import pytest
import torch

from mcu_slm.config import AugmentConfig
from mcu_slm.train.augment import (
    Channels,
    augment,
    change_response,
    crop_and_stretch,
    draw_mix,
    drop_channels,
    mask_stretch,
    random_turns,
    resample,
    rotate_groups,
    shift_in_time,
    start_late,
    warp_time,
    warped_time,
)

pytestmark = pytest.mark.unit
NEW_KEYS = {
    "time_warp": 0.1,
    "crop_fraction": 0.7,
    "rotation_degrees": 20.0,
    "channel_drop": 0.3,
    "response_std": 0.2,
}
OLD_KEYS = {
    "noise_std": 0.1,
    "scale_std": 0.1,
    "offset_std": 0.1,
    "shift_samples": 3,
    "mask_samples": 3,
    "start_samples": 4,
}
GROUPS = (("acc_z", "acc_x", "acc_y"), ("gyro_x", "gyro_y", "gyro_z"))
OFF = AugmentConfig(noise_std=0.0, scale_std=0.0, offset_std=0.0, mixup_alpha=0.0)
EVERY = AugmentConfig(**OLD_KEYS, **NEW_KEYS, rotation_groups=GROUPS)
# Gravity on one axis, a channel of no group between two axes, means and stds of all sizes.
CHANNELS = Channels(
    ("acc_x", "temperature", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"),
    torch.tensor([0.3, 25.0, -1.0, 9.81, 0.0, 0.02, -0.1]),
    torch.tensor([2.0, 0.5, 4.0, 0.7, 0.1, 1.5, 0.3]),
)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def _windows(batch: int = 16, samples: int = 20) -> torch.Tensor:
    return torch.randn(batch, samples, len(CHANNELS.names), generator=_generator())


def test_another_response_keeps_waves_and_changes_their_strength():
    time = torch.arange(240)
    waves = torch.stack([(2 * math.pi * k * time / 240).cos() for k in (0, 5, 60, 120)])
    changed = change_response(waves[:, :, None], 0.5, _generator())[:, :, 0]
    gain = (changed * waves).sum(1) / waves.square().sum(1)
    torch.testing.assert_close(changed, gain[:, None] * waves, atol=1e-4, rtol=1e-4)
    assert bool((gain > 0).all())
    assert len(torch.unique(gain)) == 4
    torch.testing.assert_close(
        change_response(changed[..., None], 0.0, _generator())[..., 0], changed
    )


def _physical(x: torch.Tensor, group: tuple[str, ...]) -> torch.Tensor:
    """Return the vectors [B, T, 3] of a group in the channels' units."""
    places = [CHANNELS.names.index(name) for name in group]
    return (x * CHANNELS.std + CHANNELS.mean)[..., places]


@pytest.mark.parametrize("how", [OFF, EVERY.model_copy(update={"enabled": False})])
def test_switched_off_nothing_changes_and_nothing_is_drawn(how):
    x, generator = _windows(), _generator()
    assert torch.equal(augment(x, how, CHANNELS, generator), x)
    assert torch.equal(generator.get_state(), _generator().get_state())


def test_new_changes_are_off_unless_the_project_file_says_so():
    default = AugmentConfig()
    assert default.enabled
    assert {key: getattr(default, key) for key in NEW_KEYS} == dict.fromkeys(NEW_KEYS, 0)


@pytest.mark.parametrize("field", OLD_KEYS | NEW_KEYS)
def test_every_switch_changes_windows_and_nothing_but_its_generator_decides(field):
    x = _windows()
    before = x.clone()
    how = OFF.model_copy(update={field: (OLD_KEYS | NEW_KEYS)[field], "rotation_groups": GROUPS})
    first, second = (augment(x, how, CHANNELS, _generator()) for _ in range(2))
    torch.manual_seed(1)
    third = augment(x, how, CHANNELS, _generator())
    assert not torch.equal(first, x)
    assert torch.equal(first, second)
    assert torch.equal(first, third)
    assert torch.equal(x, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("samples", [2, 3, 20])
def test_all_switches_together_keep_shape_and_type(dtype, samples):
    x = _windows(5, samples).to(dtype)
    changed = augment(x, EVERY, CHANNELS, _generator())
    assert (changed.shape, changed.dtype) == (x.shape, dtype)
    assert bool(torch.isfinite(changed).all())


def test_jitter_has_mean_zero_and_the_stated_standard_deviation():
    x = _windows(200, 50)
    noise = augment(x, OFF.model_copy(update={"noise_std": 0.5}), CHANNELS, _generator()) - x
    # 70,000 draws: the mean scatters by 0.002, the standard deviation by 0.0013.
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)
    assert float(noise.std()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("degrees", [5.0, 180.0])
def test_rotation_turns_vectors_in_physical_units_and_nothing_else(degrees):
    x = _windows()
    groups = CHANNELS.indices(GROUPS)
    turned = rotate_groups(x, degrees, groups, CHANNELS, _generator())
    assert torch.equal(turned[..., 1], x[..., 1])
    turns = torch.eye(3) + random_turns(len(x), degrees, _generator())
    for group in GROUPS:
        before, after = _physical(x, group), _physical(turned, group)
        torch.testing.assert_close(after.norm(dim=-1), before.norm(dim=-1), rtol=1e-5, atol=1e-5)
        # One turn for all samples and both groups of a window.
        expected = (turns.unsqueeze(1) @ before.unsqueeze(-1)).squeeze(-1)
        torch.testing.assert_close(after, expected, rtol=1e-5, atol=1e-5)
        assert not torch.equal(after, before)


def test_rotations_are_proper_and_reach_all_angles_up_to_the_largest():
    turns = torch.eye(3) + random_turns(2000, 30.0, _generator())
    product = turns @ turns.transpose(1, 2)
    torch.testing.assert_close(product, torch.eye(3).expand(2000, 3, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(2000), rtol=0, atol=1e-5)
    trace = turns.diagonal(dim1=1, dim2=2).sum(1)
    angle = torch.rad2deg(torch.acos(((trace - 1) / 2).clamp(-1, 1)))
    assert 29 < float(angle.max()) < 30.1
    # Uniform from 0 to 30: the mean of 2,000 scatters by 0.19.
    assert float(angle.mean()) == pytest.approx(15, abs=1)
    # The axis R leaves alone has no preferred direction.
    axis = torch.stack([turns[:, 2, 1], turns[:, 0, 2], turns[:, 1, 0]], 1)
    axis = axis - torch.stack([turns[:, 1, 2], turns[:, 2, 0], turns[:, 0, 1]], 1)
    mean = torch.nn.functional.normalize(axis, dim=1).mean(0)
    torch.testing.assert_close(mean, torch.zeros(3), rtol=0, atol=0.06)


def test_rotation_by_nothing_is_the_identity():
    x = _windows()
    assert torch.equal(rotate_groups(x, 0.0, CHANNELS.indices(GROUPS), CHANNELS, _generator()), x)


@pytest.mark.parametrize("share", [0.1, 0.9])
@pytest.mark.parametrize("samples", [2, 3, 64])
def test_warped_time_runs_forward_between_fixed_ends(share, samples):
    time = warped_time(300, samples, share, _generator())
    assert bool((time[:, 0] == 0).all())
    assert bool((time[:, -1] == samples - 1).all())
    speed = time.diff(dim=1)
    assert float(speed.min()) >= 1 - share - 1e-9
    assert float(speed.max()) <= 1 + share + 1e-9
    if samples == 64:
        assert float(speed.max()) > 1 + 0.9 * share
        # The share is the most, not what every window gets.
        assert float((speed - 1).abs().amax(1).min()) < 0.6 * share
        # Smooth: from one sample to the next the speed changes by a part of its whole range.
        assert float(speed.diff(dim=1).abs().max()) < 0.15 * share


def test_warp_reads_the_window_at_the_warped_time():
    ramp = torch.arange(40.0).reshape(1, 40, 1).repeat(8, 1, 2)
    warped = warp_time(ramp, 0.2, _generator())
    time = warped_time(8, 40, 0.2, _generator())
    torch.testing.assert_close(warped, time.float().unsqueeze(-1).expand(-1, -1, 2))
    assert not torch.equal(warped[0], warped[1])


def test_warp_by_nothing_is_the_identity():
    x = _windows()
    assert torch.equal(warp_time(x, 0.0, _generator()), x)
    warped = warp_time(x, 0.3, _generator())
    assert torch.equal(warped[:, [0, -1]], x[:, [0, -1]])


def test_crop_keeps_a_part_and_stretches_it_evenly():
    samples = 41
    ramp = torch.arange(float(samples)).reshape(1, samples, 1).repeat(500, 1, 1)
    time = crop_and_stretch(ramp, 0.6, _generator())[..., 0]
    kept = (time[:, -1] - time[:, 0]) / (samples - 1)
    assert 0.6 - 1e-5 <= float(kept.min()) < 0.61
    assert 0.99 < float(kept.max()) <= 1
    torch.testing.assert_close(
        time.diff(dim=1), kept.unsqueeze(1).expand(-1, samples - 1), rtol=0, atol=1e-5
    )
    # The part lies anywhere in the window.
    share = time[:, 0] / ((1 - kept) * (samples - 1))
    assert float(share[kept < 0.9].min()) < 0.02
    assert float(share[kept < 0.9].max()) > 0.98


def test_crop_invents_no_values_beyond_the_channel_s_range():
    x = _windows(200)
    cropped = crop_and_stretch(x, 0.3, _generator())
    assert bool((cropped <= x.amax(1, keepdim=True)).all())
    assert bool((cropped >= x.amin(1, keepdim=True)).all())
    assert torch.equal(crop_and_stretch(x, 1.0, _generator()), x)


def test_resampling_interpolates_and_repeats_the_ends():
    x = torch.tensor([[[0.0, 10.0], [2.0, 20.0], [6.0, 0.0]]])
    position = torch.tensor([[-1.0, 0.25, 1.0, 1.5, 2.0, 9.0]], dtype=torch.float64)
    expected = [[0, 10], [0.5, 12.5], [2, 20], [4, 10], [6, 0], [6, 0]]
    assert resample(x, position)[0].tolist() == expected


def test_dropped_channels_are_silent_and_the_others_untouched():
    x = _windows(4000, 5)
    dropped = drop_channels(x, 0.2, _generator())
    silent = (dropped == 0).all(1)
    assert torch.equal(silent, (dropped == 0).any(1))
    assert torch.equal(dropped, x.masked_fill(silent.unsqueeze(1), 0.0))
    # 28,000 draws: the share scatters by 0.0024; 0.2^7 / 7 of it, all seven at once, is missing.
    assert float(silent.float().mean()) == pytest.approx(0.2, abs=0.01)
    torch.testing.assert_close(silent.float().mean(0), torch.full((7,), 0.2), rtol=0, atol=0.03)


@pytest.mark.parametrize(("channels", "left"), [(1, 1), (3, 1)])
def test_one_channel_is_never_dropped(channels, left):
    x = torch.ones(300, 4, channels)
    dropped = drop_channels(x, 1.0, _generator())
    assert bool((dropped[:, 0].sum(1) == left).all())
    # Every channel has its turn as the one that stays.
    assert bool((dropped[:, 0].sum(0) > 0).all())


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


def test_a_late_start_repeats_its_first_sample_and_keeps_the_rest():
    x = _windows(64)
    late = start_late(x, 4, _generator())
    firsts = set()
    for before, after in zip(x, late, strict=True):
        first = next(i for i in range(5) if torch.equal(after[i:], before[i:]))
        assert torch.equal(after[:first], before[first].expand(first, -1))
        firsts.add(first)
    assert firsts == {0, 1, 2, 3, 4}


def test_mixup_mixes_windows_and_targets_with_the_same_share():
    targets = torch.eye(4)
    x = targets.unsqueeze(1).repeat(1, 6, 1)
    mix = draw_mix(4, 1.0, _generator())
    mixed, mixed_targets = mix.apply(x), mix.apply(targets)
    assert torch.allclose(mixed[:, 0], mixed_targets)
    assert torch.allclose(mixed_targets.sum(1), torch.ones(4))
    assert not torch.equal(mixed_targets, targets)


def test_mixup_off_returns_the_same_objects():
    x = torch.ones(2, 3, 1)
    assert draw_mix(2, 0.0, _generator()).apply(x) is x
