"""Whole models: what is predicted from shapes against what the simulated core executes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm.costs import predict
from mcu_slm.pipeline.deployment import read_model
from tests.costs.measuring import Sample, measure_graph

pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
pytestmark = [pytest.mark.emulator, pytest.mark.slow]

WITHIN_PERCENT = 5.0
MODELS = {
    "ad": "mlcommons__ad01_int8",
    "kws": "mlcommons__kws_ref_model",
    "ic": "mlcommons__pretrainedResnet_quant",
    "vww": "mlcommons__vww_96_int8",
    "sww": "mlcommons__str_ww_ref_model",
    "tr": "prototype/transformer_qat",
    "tok": "prototype/token_ptq",
    "ds": "prototype/dscnn_ptq",
    "bl": "prototype/bilstm_qat",
    "lstm": "tensorflow__trained_lstm_int8",
}
PORTABLE = ("ad", "kws", "sww", "tok", "bl")
"""The others are made of the same kernels, and take the simulator longer."""


def check(samples: list[Sample | None]) -> None:
    """Compare the totals of a model."""
    layers = [sample for sample in samples if sample is not None]
    costs = [predict(sample.operator) for sample in layers]
    known = [cost for cost in costs if cost is not None]
    assert len(known) == len(layers) > 0
    for predicted, measured in (
        (sum(cost.instructions for cost in known), sum(x.instructions for x in layers)),
        (sum(cost.cycles for cost in known), sum(x.cycles for x in layers)),
    ):
        deviation = 100.0 * (predicted / measured - 1.0)
        print(f"{measured:,.0f} measured, {predicted:,.0f} predicted, {deviation:+.2f} %")
        assert abs(deviation) < WITHIN_PERCENT


@pytest.mark.parametrize("name", MODELS)
def test_dsp_kernels_take_what_is_predicted(
    name: str, published_models: Path, tmp_path: Path
) -> None:
    model = read_model(published_models / f"{MODELS[name]}.tflite")
    check(measure_graph(model.graph, "dsp", "speed", tmp_path, windows=1))


@pytest.mark.parametrize("name", PORTABLE)
def test_portable_kernels_take_what_is_predicted(
    name: str, published_models: Path, tmp_path: Path
) -> None:
    model = read_model(published_models / f"{MODELS[name]}.tflite")
    check(measure_graph(model.graph, "portable", "speed", tmp_path, windows=1))
