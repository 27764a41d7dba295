"""Every shared model through all four legs: recorded windows where there are any, corners, noise.

`pytest -s` prints what each model was given and what came of it. With MCU_SLM_SIM_WINDOWS=4 the
large models go through the simulator, too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, judge, tflite
from mcu_slm.errors import ModelError
from mcu_slm.pipeline import deployment
from mcu_slm.pipeline.deployment import Model, Windows
from mcu_slm.pipeline.run_folder import RunFolder, Silence
from mcu_slm.quant import quantize_activation
from mcu_slm.rows import unpack
from mcu_slm.verify import GATES, Proof, graph_corners, graph_noise
from tests.pipeline.recordings import RECORDINGS, input_quantization, recorded_windows

pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not judge.available("tflm"), reason="skipped: no judge"),
]

BOARD = "nucleo_f446re"
HERE = ("tflm", "numpy", "host")
WINDOWS = 64
RECORDED = 32
SIM_WINDOWS = 4
LARGE = (
    "arm-softwa__kws_micronet_m", "mlcommons__pretrainedResnet_quant", "mlcommons__vww_96_int8",
    "siliconlab__fingerprint_signature_generator", "tensorflow__person_detect",
)  # fmt: skip
"""A window takes the simulator seconds, so these are simulated on request; none was recorded."""
LARGE_SIM_WINDOWS = int(os.environ.get("MCU_SLM_SIM_WINDOWS", "0"))
REFUSED = "kirshch__har_model_int8"
"""It stores a dynamic batch, of which the judge computes half."""

PUBLISHED = (
    "ambiqai__arrhythmia_model_power_model_data", "ambiqai__har_model_data",
    "arm-softwa__kws_micronet_m", "google__model_magic_wand", "mlcommons__ad01_int8",
    "mlcommons__kws_ref_model", "mlcommons__pretrainedResnet_quant", "mlcommons__str_ww_ref_model",
    "mlcommons__vww_96_int8", "siliconlab__autoencoder_example",
    "siliconlab__fingerprint_signature_generator", "siliconlab__keyword_spotting_on_off",
    "tensorflow__hello_world_int8", "tensorflow__magic_wand_model_data",
    "tensorflow__micro_speech_quantized", "tensorflow__person_detect",
    "tensorflow__trained_lstm_int8",
)  # fmt: skip
PROTOTYPES = (
    "bilstm_qat", "dscnn_ptq", "token_ptq", "transformer_l2_ptq", "transformer_ln_ptq",
    "transformer_merged_ptq", "transformer_pruned_qat", "transformer_qat",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Given:
    """The inputs of a proof, and a phrase for where they were recorded."""

    windows: Windows
    source: str


def simulated(name: str) -> int:
    """Return how many windows of a model go through the simulator."""
    return LARGE_SIM_WINDOWS if name in LARGE else max(SIM_WINDOWS, LARGE_SIM_WINDOWS)


def given_to(name: str, model: Model, shared: Path) -> Given:
    """Return the windows for a model; two recorded ones, a corner and noise are simulated first."""
    fixed, parts = graph_corners(model.graph), []
    recording = RECORDINGS.get(name)
    if recording is not None:
        parts.append(recorded_windows(model.graph, recording, shared / "data", RECORDED))
    recorded = sum(map(len, parts))
    noise = graph_noise(model.graph, WINDOWS - recorded - len(fixed), seed=3)
    rows = np.concatenate([*parts, fixed, noise])
    first = (WINDOWS - 1, recorded + len(fixed) - 1, 0, RECORDED // 2)
    sim_rows = (*first, *(row for row in range(WINDOWS) if row not in first))[: simulated(name)]
    source = f"{recorded} of {recording.what}" if recording else "no recorded windows"
    return Given(Windows(rows, sim_rows), source)


def prove(model: Model, windows: Windows, folder: Path) -> Proof:
    """Compile, generate and prove; build and simulate where windows are simulated."""
    run, board = RunFolder(folder, Silence()), boards.load_board(BOARD)
    deployment.firmware(run, model, board, windows)
    if not windows.sim_rows:
        return deployment.verify(run, model, windows, HERE)
    result = deployment.build(run, board)
    assert result.stack is not None, result.stack_unknown
    return deployment.verify(run, model, windows, GATES, board, result)


@pytest.mark.parametrize("name", [*PUBLISHED, *(f"prototype/{name}" for name in PROTOTYPES)])
def test_all_legs_agree(name: str, published_models: Path, tmp_path: Path) -> None:
    model = deployment.read_model(published_models / f"{name}.tflite")
    given = given_to(Path(name).name, model, published_models.parent)
    proof = prove(model, given.windows, tmp_path / "run")
    counts = [f"{leg.leg} {leg.bytes} bytes in {leg.windows}" for leg in proof.legs]
    counts += [] if given.windows.sim_rows else ["sim not run"]
    differing = sum(leg.differing for leg in proof.legs)
    print(f"\n{name}: {given.source}; {', '.join(counts)}; {differing} bytes differ")
    expected = [(leg, "ok", WINDOWS, 0) for leg in HERE]
    if given.windows.sim_rows:
        expected.append(("sim", "ok", simulated(Path(name).name), 0))
    assert [(leg.leg, leg.status, leg.windows, leg.differing) for leg in proof.legs] == expected


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_windows_fill_a_models_range(name: str, published_models: Path) -> None:
    """Wrong units would give windows of zero points or of both ends."""
    (path,) = published_models.rglob(f"{name}.tflite")
    graph, _ = tflite.read_file(path)
    rows = recorded_windows(graph, RECORDINGS[name], published_models.parent / "data", RECORDED)
    assert len(np.unique(rows, axis=0)) == RECORDED
    (values,) = unpack(graph, graph.inputs, rows)
    scale, zero_point = input_quantization(graph)
    if values.dtype == np.float32:
        values = quantize_activation(values, scale, zero_point)
    assert len(np.unique(values)) > 40
    assert np.isin(values, (-128, 127)).mean() < 0.02


def test_no_shared_model_is_left_out(published_models: Path) -> None:
    found = {path.stem for path in published_models.rglob("*.tflite")}
    assert found == {*PUBLISHED, *PROTOTYPES, REFUSED}
    assert set(RECORDINGS) < found


def test_the_model_with_a_dynamic_batch_is_refused_by_name(published_models: Path) -> None:
    with pytest.raises(ModelError, match=r"SPACE_TO_BATCH_ND.*fixed batch size"):
        deployment.read_model(published_models / f"{REFUSED}.tflite")
