"""Patches and attention windows for any window length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcu_slm.errors import ConfigError
from mcu_slm.train.geometry import choose_patching, same_padding, token_count

pytestmark = pytest.mark.unit


def test_a_wish_that_fits_is_granted():
    patching = choose_patching(128, 8, 4, 8)
    assert (patching.kernel, patching.padding, patching.tokens) == (8, "SAME", 32)
    assert patching.attention_window == 8


def test_an_odd_window_gets_a_nearby_attention_window():
    assert choose_patching(100, 8, 4, 8).attention_window == 5
    assert choose_patching(100, 8, 4, 8).tokens == 25


def test_a_prime_token_count_falls_back_to_another_padding():
    patching = choose_patching(65, 8, 4, 8)
    assert (patching.padding, patching.tokens, patching.attention_window) == ("VALID", 15, 5)


@given(
    window=st.integers(4, 600),
    kernel=st.integers(1, 32),
    stride=st.integers(1, 16),
    attention=st.integers(1, 64),
)
def test_attention_windows_always_divide_the_tokens(window, kernel, stride, attention):
    try:
        patching = choose_patching(window, kernel, stride, attention)
    except ConfigError:
        assert token_count(window, kernel, stride, "SAME") < 2 or kernel > window
        return
    assert patching.tokens % patching.attention_window == 0
    assert patching.tokens >= 2
    assert patching.tokens == token_count(
        window, patching.kernel, patching.stride, patching.padding
    )
    assert 2 * patching.attention_window >= min(attention, patching.tokens)


@given(window=st.integers(1, 300), kernel=st.integers(1, 40), stride=st.integers(1, 20))
def test_same_padding_makes_the_last_patch_fit(window, kernel, stride):
    before, after = same_padding(window, kernel, stride)
    tokens = token_count(window, kernel, stride, "SAME")
    assert 0 <= after - before <= 1
    assert (tokens - 1) * stride + kernel <= before + window + after


def test_a_window_of_one_patch_is_refused_with_the_numbers():
    with pytest.raises(ConfigError, match="window of 4 samples") as caught:
        choose_patching(4, 8, 4, 8)
    assert caught.value.values["window"] == 4


def test_sizes_below_one_are_refused():
    with pytest.raises(ConfigError, match="at least 1"):
        choose_patching(16, 0, 4, 8)
