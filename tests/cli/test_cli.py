"""What a user meets at the command line: help at once, one clear error, JSON and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcu_slm import judge, tflite
from tests.models import tiny

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    *"run windows train convert compile firmware build verify bench simulate flash monitor".split(),
    *"boards ops check quantize".split(),
)


def cli(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcu_slm", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tflite.write_model(tiny()))
    return path


def one_error(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Check that a command failed with one line and no trace, and return the line."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.unit
def test_help_names_every_command_and_loads_nothing_heavy(tmp_path: Path) -> None:
    done = cli("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"  {command} " in done.stdout
    script = (
        "import sys, mcu_slm.cli; "
        "print([m for m in ('torch', 'tensorflow', 'numpy', 'unicorn') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


@pytest.mark.unit
def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert cli("--version", cwd=tmp_path).stdout.startswith("mcu-slm 0.")


@pytest.mark.unit
def test_boards_are_listed_as_text_and_as_json(tmp_path: Path) -> None:
    assert "nucleo_f446re" in cli("boards", cwd=tmp_path).stdout
    listed = json.loads(cli("boards", "--json", cwd=tmp_path).stdout)["boards"]
    sizes = {board["name"]: board["flash_bytes"] for board in listed}
    assert sizes["nucleo_f446re"] == 512 << 10


@pytest.mark.unit
def test_the_schema_of_project_files_explains_every_family(tmp_path: Path) -> None:
    definitions = json.loads(cli("schema", cwd=tmp_path).stdout)["$defs"]
    families = {
        *("TransformerModel", "TcnModel", "SpectralModel", "BiLstmModel", "FilterbankModel"),
        *("TrendModel", "TokenLmModel"),
    }
    assert families <= set(definitions)
    assert definitions["TcnModel"]["properties"]["blocks"]["description"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (("run",), 2, ["neither a project nor a model"]),
        (("run", "nothing.toml"), 2, ["nothing.toml"]),
        (("run", "--model", "nothing.tflite", "-b", "nucleo_f446re"), 2, ["nothing.tflite"]),
        (("run", "--model", "MODEL"), 2, ["--board", "nucleo_f446re"]),
        (("run", "--model", "MODEL", "-b", "nucleo_f446"), 2, ["nucleo_f446", "nucleo_f446re"]),
        (("run", "--model", "CUT", "-b", "nucleo_f446re"), 2, ["cut.tflite"]),
        (("compile", "MODEL", "--out", "c", "--kernels", "fast"), 2, ["'fast'", "portable"]),
        (("verify", "MODEL", "--legs", "tflm,board"), 2, ["unknown leg 'board'"]),
        (("verify", "MODEL", "--inputs", "no.npy"), 2, ["no.npy"]),
        (("windows", "nothing.toml", "--export", "w.npz"), 2, ["nothing.toml"]),
        (("quantize", "no.keras", "--data", "w.npz", "-o", "m.tflite"), 2, ["no.keras"]),
        (("quantize", "MODEL", "--data", "w.npz", "-o", "m.tflite"), 2, ["'.tflite'", ".keras"]),
        (("build", "."), 2, ["no firmware project"]),
        (("flash", "nothing"), 2, ["no such file or folder"]),
        (("monitor", "--port", "socket://127.0.0.1:1"), 3, ["127.0.0.1:1"]),
    ],
)
def test_each_mistake_is_one_clear_error(
    tmp_path: Path, model: Path, arguments: tuple[str, ...], code: int, parts: list[str]
) -> None:
    (tmp_path / "cut.tflite").write_bytes(model.read_bytes()[:-40])
    names = {"MODEL": str(model), "CUT": "cut.tflite"}
    line = one_error(cli(*(names.get(a, a) for a in arguments), cwd=tmp_path), code)
    for part in parts:
        assert part in line


@pytest.mark.unit
def test_an_error_with_json_is_one_json_object(tmp_path: Path) -> None:
    done = cli("bench", "nothing.tflite", "-b", "nucleo_f446re", "--json", cwd=tmp_path)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == error["exit_code"] == 2
    assert error["where"] == "nothing.tflite"


@pytest.mark.unit
def test_compile_writes_the_folder_and_nothing_for_a_bad_model(tmp_path: Path, model: Path) -> None:
    done = cli("compile", model, "--out", "c", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["macs"] == 8
    assert (tmp_path / "c" / "model.c").is_file()
    (tmp_path / "cut.tflite").write_bytes(model.read_bytes()[:-40])
    one_error(cli("compile", "cut.tflite", "--out", "d", cwd=tmp_path), 2)
    assert not (tmp_path / "d").exists()


@pytest.mark.host
@pytest.mark.skipif(not judge.available("tflm"), reason="skipped: no judge")
def test_verify_without_a_board_proves_the_code_and_says_what_was_not_run(
    tmp_path: Path, model: Path
) -> None:
    done = cli("verify", model, "--random", 9, "--legs", "tflm,host,sim", "--json", cwd=tmp_path)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["legs"]["host"] | {"seconds": 0} == {
        "status": "ok",
        "windows": 9,
        "bytes": 18,
        "differing": 0,
        "reason": "",
        "seconds": 0,
    }
    assert answer["legs"]["sim"]["status"] == "not run"
    assert not answer["complete"]


@pytest.mark.host
@pytest.mark.skipif(not judge.available("tflm"), reason="skipped: no judge")
def test_verify_of_edited_code_fails_with_exit_code_1(tmp_path: Path, model: Path) -> None:
    cli("compile", model, "--out", "c", cwd=tmp_path)
    weights = tmp_path / "c" / "model_weights.c"
    weights.write_text(weights.read_text().replace(" -50,", " -49,"))
    done = cli("verify", model, "--code", "c", "--random", 9, "--json", cwd=tmp_path)
    host = json.loads(done.stdout)["legs"]["host"]
    assert done.returncode == 1
    assert host["status"] == "differs"
    assert host["difference"]["name"] == "logits"


@pytest.mark.unit
def test_firmware_shows_edits_of_generated_code_and_keeps_them(tmp_path: Path, model: Path) -> None:
    command = ("firmware", model, "-b", "nucleo_f446re")
    assert cli(*command, cwd=tmp_path).returncode == 0
    edited = tmp_path / "runs" / model.stem / "firmware" / "mcu_slm" / "model.c"
    generated = edited.read_text()
    edited.write_text(generated + "/* mine */\n")
    changed = (*command, "--optimize", "size")
    done = cli(*changed, cwd=tmp_path)
    assert done.returncode == 2
    assert "+/* mine */" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    values = json.loads(cli(*changed, "--json", cwd=tmp_path).stdout)["error"]["values"]
    assert values["edited"] == ["mcu_slm/model.c"]
    assert "+/* mine */" in values["diff"]
    assert edited.read_text() == generated + "/* mine */\n"
    assert not (tmp_path / "runs" / model.stem / "compile").exists()
    assert cli(*changed, "--force", cwd=tmp_path).returncode == 0
    assert "mine" not in edited.read_text()


@pytest.mark.unit
def test_firmware_as_a_library_needs_no_board(tmp_path: Path, model: Path) -> None:
    done = cli("firmware", model, "--as", "cmake", "--json", cwd=tmp_path)
    folder = tmp_path / json.loads(done.stdout)["folder"]
    assert folder == tmp_path / "runs" / model.stem / "cmake"
    manifest = json.loads((folder / "src" / "manifest.json").read_text())
    assert manifest["kernel_family"] == "portable"
    cli("firmware", model, "--as", "library", "--core", "cortex-m4", "-o", "lib", cwd=tmp_path)
    manifest = json.loads((tmp_path / "lib" / "src" / "manifest.json").read_text())
    assert manifest["kernel_family"] == "dsp"
    assert "| kernels | dsp, for cortex-m4 |" in (tmp_path / "lib" / "README.md").read_text()
    again = cli("firmware", model, "--as", "cmake", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["written"] == []


@pytest.mark.unit
@pytest.mark.parametrize(
    "arguments",
    [
        ("--as", "makefile"),
        ("--as", "library", "--core", "pdp-11"),
        ("--as", "library", "--core", "cortex-m4", "--board", "nucleo_f446re"),
        ("--board", "nucleo_f446re", "--core", "cortex-m4"),
        ("--board", "nucleo_f446re", "--out", "x"),
        (),
    ],
)
def test_wrong_requests_of_firmware_are_one_error(
    tmp_path: Path, model: Path, arguments: tuple[str, ...]
) -> None:
    one_error(cli("firmware", model, *arguments, cwd=tmp_path), 2)


def test_operators_are_listed_as_text_and_as_json(tmp_path: Path) -> None:
    assert "\nSHAPE  " in cli("ops", cwd=tmp_path).stdout
    listed = json.loads(cli("ops", "--json", cwd=tmp_path).stdout)
    shape = next(row for row in listed["operators"] if row["operator"] == "SHAPE")
    assert (shape["runs"], shape["notes"]) == ([], "folded only")
