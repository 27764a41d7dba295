"""Who may be flashed: only an image whose proof is there, complete and about these very bytes."""

from __future__ import annotations

from pathlib import Path

from mcu_slm.errors import ProofError, UsageError
from mcu_slm.files import sha256_file, sha256_tree
from mcu_slm.pipeline.evidence import EVIDENCE, Evidence
from mcu_slm.verify import GATES


def find_run(run_or_elf: Path) -> tuple[Path, Path]:
    """Return the run folder and the image that a user means by a folder or an ELF file.

    Raises:
        UsageError: Neither is there.
        ProofError: An ELF file that belongs to no run.
    """
    if run_or_elf.is_dir():
        elf = _recorded_elf(run_or_elf)
        if elf is None:
            raise UsageError(
                str(run_or_elf),
                "no built firmware",
                "a run folder",
                "Run: mcu-slm run PROJECT.toml",
            )
        return run_or_elf, elf
    if not run_or_elf.is_file():
        raise UsageError(str(run_or_elf), "no such file or folder", "a run folder or an .elf file")
    for folder in run_or_elf.resolve().parents:
        if (folder / EVIDENCE).is_file():
            return folder, run_or_elf
    raise ProofError(
        str(run_or_elf),
        "no proof: the image belongs to no run folder",
        f"{EVIDENCE} in a folder above",
        "Run: mcu-slm run, then flash the run folder.",
    )


def _recorded_elf(folder: Path) -> Path | None:
    record = Evidence(folder).stage("build")
    if record is None:
        return None
    found = [folder / path for path in record.outputs if path.endswith(".elf")]
    return found[0] if found and found[0].is_file() else None


def require_proof(folder: Path, elf: Path) -> None:
    """Check that a complete proof stands behind an image.

    Raises:
        ProofError: Missing, failed, incomplete, or about other bytes than these.
    """
    proof = Evidence(folder).fields.get("proof")
    remedy = f"Run: mcu-slm verify {folder}"
    if not isinstance(proof, dict):
        raise ProofError(str(elf), "the image was never proved", "a proof", remedy)
    legs = proof.get("legs", {})
    for leg, result in legs.items():
        if result.get("status") == "differs" and not result.get("information"):
            raise ProofError(
                str(elf), f"the proof failed: leg {leg}, {result.get('reason')}", "", remedy
            )
    missing = [leg for leg in GATES if legs.get(leg, {}).get("status") != "ok"]
    if missing or not proof.get("complete"):
        raise ProofError(
            str(elf), f"the proof is incomplete: {', '.join(missing)} not run", "all legs", remedy
        )
    if proof.get("elf_sha256") != sha256_file(elf):
        raise ProofError(
            str(elf), "the proof is stale: it is about another image", "this one", remedy
        )
    code = folder / "firmware" / "mcu_slm"
    if code.is_dir() and proof.get("code_sha256") != sha256_tree(code):
        raise ProofError(
            str(elf),
            "the proof is stale: the generated code changed since",
            "unchanged code",
            remedy,
        )
