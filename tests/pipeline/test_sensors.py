"""The sensor of a firmware: chosen, remembered, and refused where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm import boards, options, tflite
from mcu_slm.errors import UsageError
from mcu_slm.firmware import SensorChoice, project_board, recorded_sensor
from mcu_slm.firmware.record import load_project_record
from mcu_slm.pipeline.run_folder import Silence
from mcu_slm.pipeline.targets import open_target
from tests.answers.models import answering

pytestmark = pytest.mark.unit


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "steps.tflite"
    path.write_bytes(tflite.write_model(answering("classification")))
    return path


def target(model: Path, tmp_path: Path):
    return open_target(model, "nucleo_f446re", tmp_path / "runs", Silence(), force=False)


def test_a_chosen_sensor_is_generated_and_remembered(model: Path, tmp_path: Path) -> None:
    opened = target(model, tmp_path)
    opened.generate(sensor=SensorChoice("lis3dh", 8, 2))
    project = opened.run.firmware
    assert load_project_record(project)["sensor"] == "lis3dh"
    settings = (project / "src" / "sensor_settings.h").read_text()
    assert "#define SENSOR_RATE_CODE      5u /* 100 Hz */" in settings
    assert "#define SENSOR_RANGE_CODE     0u /* up to 2 g" in settings
    assert "#define MCU_SLM_HOP_SAMPLES 8u" in (project / "mcu_slm" / "sampling.h").read_text()
    assert project_board(project) == boards.load_board("nucleo_f446re")
    assert not (project / "src" / "sensor_replay.c").exists()
    again = target(model, tmp_path)
    again.generate()  # without a name the choice stays
    assert load_project_record(project)["sensor"] == "lis3dh"


def test_another_sensor_in_the_same_folder_is_refused(model: Path, tmp_path: Path) -> None:
    opened = target(model, tmp_path)
    opened.generate()
    assert load_project_record(opened.run.firmware)["sensor"] == "replay"
    with pytest.raises(UsageError, match=r"a project with the sensor replay.*with adc"):
        target(model, tmp_path).generate(sensor=SensorChoice("adc"))


def test_the_other_bus_in_the_same_folder_is_refused(model: Path, tmp_path: Path) -> None:
    opened = target(model, tmp_path)
    opened.generate(sensor=SensorChoice("lis3dh", 8, 2, "spi"))
    project = opened.run.firmware
    assert load_project_record(project)["bus"] == "spi"
    assert (project / "src" / "bus_spi.c").is_file()
    again = target(model, tmp_path)
    again.generate()  # without a name the choice stays
    assert load_project_record(project)["bus"] == "spi"
    with pytest.raises(UsageError, match=r"a project with a sensor on SPI.*one on I2C"):
        target(model, tmp_path).generate(sensor=SensorChoice("lis3dh", 8, 2))
    assert not (project / "src" / "bus_i2c.c").exists()


def test_options_of_a_sensor_need_one() -> None:
    assert options.sensor(None, None, 4) is None
    assert options.sensor("lis3dh", 5, 8, "spi") == SensorChoice("lis3dh", 5, 8, "spi")
    with pytest.raises(UsageError, match=r"--bus: no sensor was named"):
        options.sensor(None, None, 4, "spi")
    with pytest.raises(UsageError, match=r"--hop: no sensor was named"):
        options.sensor(None, 5, 4)


def test_a_model_without_counts_takes_no_sensor(tmp_path: Path) -> None:
    graph = answering("classification")
    path = tmp_path / "bare.tflite"
    path.write_bytes(tflite.write_model(type(graph)(**{**vars(graph), "metadata": {}})))
    with pytest.raises(UsageError, match="does not say how raw counts become its input"):
        target(path, tmp_path).generate(sensor=SensorChoice("stream"))


def test_a_broken_record_means_the_default() -> None:
    for record in (None, {}, {"name": "lis3dh"}, {"name": 3, "hop_samples": "x", "range_g": 2}):
        assert recorded_sensor(record) == SensorChoice()
    for choice in (SensorChoice("adc", 5, 4), SensorChoice("lis3dh", 5, 4, "spi")):
        assert recorded_sensor(choice.to_json()) == choice
    older = {"name": "lis3dh", "hop_samples": 5, "range_g": 4}
    assert recorded_sensor(older) == SensorChoice("lis3dh", 5, 4)
