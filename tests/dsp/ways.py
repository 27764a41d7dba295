"""Layers as the dsp family does them, even where another way costs less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mcu_slm import dsp
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ops import Operator


@contextmanager
def first_way() -> Iterator[None]:
    """Take the family's first way for every layer, so that small layers reach its kernels too."""

    def first(ways: list[Operator], _: Tuning) -> Operator:
        return ways[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dsp, "cheapest", first)
        yield
