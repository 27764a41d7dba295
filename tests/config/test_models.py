"""`[model]`: families, and fewer epochs on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm.config import Project, TcnModel, TransformerModel, parse_project
from mcu_slm.errors import ConfigError
from tests.config.test_loading import MINIMAL

pytestmark = pytest.mark.unit


def with_model(text: str) -> Project:
    return parse_project(f"{MINIMAL}\n[model]\n{text}\n", Path("mcu_slm.toml"))


def test_a_model_without_family_is_a_transformer() -> None:
    assert isinstance(with_model("width = 48").model, TransformerModel)


def test_each_family_has_keys_of_its_own() -> None:
    assert isinstance(with_model('family = "tcn"\nkernel_tokens = 3').model, TcnModel)
    with pytest.raises(ConfigError, match=r"model\.heads: unknown key"):
        with_model('family = "tcn"\nheads = 4')


def test_an_unknown_family_is_named_beside_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r'model\.family: found "?\'?lstmm?'):
        with_model('family = "lstmm"')


def test_a_first_layer_longer_than_the_window_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"stem_samples 5000 .* do not fit data\.window_samples"):
        with_model('family = "tcn"\nstem_samples = 5000')


def test_fast_lowers_epochs_and_never_raises_them() -> None:
    text = MINIMAL + "\n[train]\nstudent_epochs = 5\nqat_epochs = 20\n"
    fast = parse_project(text, Path("mcu_slm.toml")).fast()
    assert (fast.train.student_epochs, fast.train.qat_epochs) == (5, 2)
    assert fast.teacher.members == 1
