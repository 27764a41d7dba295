"""An image may be flashed only when a complete proof is about exactly its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcu_slm.errors import ProofError, UsageError
from mcu_slm.files import sha256_file, sha256_tree
from mcu_slm.pipeline.evidence import Evidence
from mcu_slm.pipeline.gate import find_run, require_proof
from mcu_slm.verify import GATES

pytestmark = pytest.mark.unit


@pytest.fixture
def proved(tmp_path: Path) -> tuple[Path, Path]:
    """A run folder with a built image and a complete proof about it."""
    elf = tmp_path / "firmware" / "build" / "firmware.elf"
    code = tmp_path / "firmware" / "mcu_slm"
    code.mkdir(parents=True)
    elf.parent.mkdir()
    elf.write_bytes(b"image")
    (code / "model.c").write_text("int x;")
    evidence = Evidence(tmp_path)
    evidence.record("build", "key", [elf])
    evidence.set("proof", _proof(elf, code))
    return tmp_path, elf


def _proof(elf: Path, code: Path) -> dict[str, Any]:
    return {
        "complete": True,
        "elf_sha256": sha256_file(elf),
        "code_sha256": sha256_tree(code),
        "legs": {leg: {"status": "ok"} for leg in GATES},
    }


def test_a_proved_image_passes_by_folder_and_by_file(proved: tuple[Path, Path]) -> None:
    folder, elf = proved
    assert find_run(folder) == (folder, elf)
    found, image = find_run(elf)
    assert (found.resolve(), image) == (folder.resolve(), elf)
    require_proof(folder, elf)


def test_an_image_without_proof_is_refused(proved: tuple[Path, Path]) -> None:
    folder, elf = proved
    Evidence(folder).drop("proof")
    with pytest.raises(ProofError, match="never proved"):
        require_proof(folder, elf)


def test_another_image_is_refused_as_stale(proved: tuple[Path, Path]) -> None:
    folder, elf = proved
    elf.write_bytes(b"other image")
    with pytest.raises(ProofError, match="stale: it is about another image"):
        require_proof(folder, elf)


def test_changed_generated_code_makes_the_proof_stale(proved: tuple[Path, Path]) -> None:
    folder, elf = proved
    (folder / "firmware" / "mcu_slm" / "model.c").write_text("int y;")
    with pytest.raises(ProofError, match="generated code changed"):
        require_proof(folder, elf)


@pytest.mark.parametrize("leg", GATES)
def test_a_missing_leg_is_refused_by_name(proved: tuple[Path, Path], leg: str) -> None:
    folder, elf = proved
    evidence = Evidence(folder)
    proof = evidence.fields["proof"]
    proof["legs"][leg]["status"] = "not run"
    evidence.set("proof", proof)
    with pytest.raises(ProofError, match=f"incomplete: {leg} not run"):
        require_proof(folder, elf)


def test_a_failed_leg_is_refused_with_its_reason(proved: tuple[Path, Path]) -> None:
    folder, elf = proved
    evidence = Evidence(folder)
    proof = evidence.fields["proof"]
    proof["legs"]["host"] = {"status": "differs", "reason": "layer 4 dense (FULLY_CONNECTED)"}
    evidence.set("proof", proof)
    with pytest.raises(ProofError, match="leg host, layer 4 dense"):
        require_proof(folder, elf)


def test_litert_is_information_and_never_refuses(proved: tuple[Path, Path]) -> None:
    folder, elf = proved
    evidence = Evidence(folder)
    proof = evidence.fields["proof"]
    proof["legs"]["litert"] = {"status": "differs", "information": True}
    evidence.set("proof", proof)
    require_proof(folder, elf)


def test_an_image_outside_any_run_is_refused(tmp_path: Path) -> None:
    elf = tmp_path / "firmware.elf"
    elf.write_bytes(b"image")
    with pytest.raises(ProofError, match="belongs to no run folder"):
        find_run(elf)


def test_a_folder_without_firmware_and_a_missing_path_say_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no built firmware"):
        find_run(tmp_path)
    with pytest.raises(UsageError, match="no such file or folder"):
        find_run(tmp_path / "nothing")
