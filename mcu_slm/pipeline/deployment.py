"""Stages from flatbuffer to proof: firmware (compile and generate), build, verify, bench."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import judge, ops, tflite
from mcu_slm.answers import answer_of, described
from mcu_slm.boards import Board
from mcu_slm.compile import budget_of, compile_model, recorded_choices
from mcu_slm.config import BudgetConfig
from mcu_slm.errors import BudgetError, ToolError
from mcu_slm.files import sha256_bytes, sha256_file, sha256_tree
from mcu_slm.firmware import (
    BuildResult,
    edited_files,
    generate,
    recorded_sensor,
    require_measured_stack,
    tool_files,
)
from mcu_slm.firmware import build as build_firmware
from mcu_slm.ir import Graph
from mcu_slm.manifest import CompiledModel, load_compiled
from mcu_slm.metadata import read_info
from mcu_slm.ops import reference
from mcu_slm.pipeline.evidence import key_of, tool_fingerprint
from mcu_slm.pipeline.predictions import add_predictions
from mcu_slm.pipeline.run_folder import RunFolder
from mcu_slm.rows import pack, unpack
from mcu_slm.toolchain import ArmCompiler
from mcu_slm.verify import (
    CHECK_SYMBOLS,
    Proof,
    Subject,
    graph_corners,
    graph_noise,
    graph_windows,
    leg_from_json,
    linked_bytes,
    measure,
    run_legs,
    symbol_bytes,
)

_KNOWN_ANSWER_BYTES = 8192
_KNOWN_ANSWERS = 4


@dataclass(frozen=True, eq=False)
class Windows:
    """Inputs of the proof: `windows` for all legs, `sim_rows` of them for the simulator.

    Labels and student logits where known.
    """

    windows: npt.NDArray[np.int8]
    sim_rows: tuple[int, ...]
    labels: npt.NDArray[np.int64] | None = None
    logits: npt.NDArray[np.int8] | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A flatbuffer that was read and checked; constants are folded in its graph."""

    graph: Graph
    raw: bytes

    @property
    def sha256(self) -> str:
        """Hash of the flatbuffer."""
        return sha256_bytes(self.raw)


def read_model(path: Path) -> Model:
    """Read a `.tflite` file and check it down to the last operator."""
    graph, raw = tflite.read_file(path)
    folded = ops.fold_graph(graph)
    ops.parse_graph(folded)
    return Model(folded, raw)


def test_windows(run: RunFolder, model: Model, sim_windows: int, extra: int, seed: int) -> Windows:
    """Return a run's test windows with corners and random ones behind them."""
    with np.load(run.windows, allow_pickle=False) as saved:
        real = saved["windows"].reshape(len(saved["windows"]), -1)
        labels, logits = saved["labels"], saved["logits"]
    fixed, noise = graph_corners(model.graph), graph_noise(model.graph, extra, seed)
    rows = (*range(min(sim_windows, len(real))), *(len(real) + i for i in range(len(fixed))))
    return Windows(np.concatenate([real, fixed, noise]), rows, labels, logits)


def synthetic_windows(model: Model, count: int, sim_windows: int, seed: int) -> Windows:
    """Return corners and random windows for a model from elsewhere.

    A model that keeps state fills its memory window by window: the simulator gets all of them.
    """
    windows = graph_windows(model.graph, count, seed)
    simulated = count if model.graph.keeps_state else sim_windows
    return Windows(windows, tuple(range(min(simulated, len(windows)))))


def firmware(run: RunFolder, model: Model, board: Board, windows: Windows) -> tuple[str, ...]:
    """Compile the model and write the firmware project around it.

    Return the user's files that were kept.

    Generated code that somebody edited is left as it is (the proof will say whether it still
    holds); with `force` it is generated again.

    Raises:
        UsageError: Edited code would have to be generated again, as the model or the tool changed.
    """
    evidence = run.evidence
    choices = recorded_choices(evidence.fields.get("settings", {}).get("compile"))
    family = choices.family(board.chip.core)
    budget = budget_of(board, choices.flash_bytes, choices.ram_bytes)
    sensor = recorded_sensor(evidence.fields.get("settings", {}).get("sensor"))
    wanted = (family, choices.optimize, choices.without, asdict(budget), sensor.to_json())
    key = key_of("firmware", model.sha256, asdict(board), *wanted, tool_fingerprint())
    if not run.force and evidence.is_current("firmware", key, edits_allowed=True):
        edited = edited_files(run.firmware)
        if edited:
            run.reporter.warn(
                f"edited since it was generated: {', '.join(edited)} (--force restores)"
            )
        run.reporter.finish("firmware", f"project in {run.firmware}", skipped=True)
        return ()
    run.reporter.start("firmware", f"compiling to C, generating the project for {board.name}")
    begin = time.monotonic()
    staging = run.folder / "compile"
    try:
        compiled = compile_model(
            *(model.graph, model.raw, staging, family, choices.optimize, board.chip.core),
            without=choices.without,
            budget=budget,
        )
        known, answers = known_answers(run, model, windows, compiled)
        project = generate(
            *(staging, board, known, answers, run.firmware, project_name(run.name)),
            sensor,
            read_info(model.graph.metadata),
            force=run.force,
        )
    finally:
        _remove_tree(staging)
    outputs = [run.firmware / path for path in tool_files(run.firmware)]
    answer = answer_of(model.graph)
    facts: dict[str, Any] = {
        "arena_bytes": compiled.arena_bytes,
        "weight_bytes": compiled.weight_bytes,
        "answer": None if answer is None else described(answer),
    }
    run.evidence.record("firmware", key, outputs, facts, time.monotonic() - begin)
    run.reporter.finish("firmware", f"project in {run.firmware}")
    return project.kept


def known_answers(
    run: RunFolder, model: Model, windows: Windows, compiled: CompiledModel
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Return the windows that generated code tests itself with, and the right answers to them."""
    count = max(1, min(_KNOWN_ANSWERS, _KNOWN_ANSWER_BYTES // (compiled.input_bytes + 1)))
    known = windows.windows[:count]
    return known.reshape(count, -1), _answers(model, known, run)


def _answers(model: Model, windows: npt.NDArray[np.int8], run: RunFolder) -> npt.NDArray[np.int8]:
    """Return the outputs that the firmware must give at boot.

    The judge's, or the NumPy reference's where there is no judge.
    """
    graph = model.graph
    inputs = unpack(graph, graph.inputs, windows)
    try:
        outputs = judge.run(model.raw, inputs)
    except ToolError as error:
        run.reporter.warn(f"known answers come from the NumPy reference: {error}")
        values = reference.run(graph, ops.parse_graph(graph), inputs)
        outputs = [values[tensor] for tensor in graph.outputs]
    return pack(graph, graph.outputs, outputs)


def project_name(name: str) -> str:
    """Return a name that every build system takes, made of a run's."""
    text = "".join(c if c.isalnum() or c in "-_" else "_" for c in name if c.isascii())[:60]
    return text if text[:1].isalpha() else f"model_{text}"


def _remove_tree(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def build(
    run: RunFolder, board: Board, preset: str = "Release", compiler: ArmCompiler | None = None
) -> BuildResult:
    """Build the firmware project; only what changed is compiled."""
    run.reporter.start("build", f"building the firmware ({preset})")
    begin = time.monotonic()
    result = build_firmware(run.firmware, board, preset, compiler)
    key = key_of("build", preset, result.compiler_version, sha256_file(result.elf))
    facts = {
        "preset": preset,
        "compiler": result.compiler_version,
        "flash_bytes": result.flash_bytes,
        "ram_bytes": result.ram_bytes,
        "code_sha256": sha256_tree(run.code),
    }
    run.evidence.record("build", key, [result.elf, result.bin], facts, time.monotonic() - begin)
    if result.stack is None:
        run.reporter.warn(f"how much stack the firmware takes is not known: {result.stack_unknown}")
    what = f"{result.elf}, {result.flash_bytes:,} bytes of flash, {result.ram_bytes:,} of RAM"
    run.reporter.finish("build", what, skipped=result.rebuilt == 0)
    return result


def verify(
    run: RunFolder,
    model: Model,
    windows: Windows,
    legs: Sequence[str],
    board: Board | None = None,
    build_result: BuildResult | None = None,
) -> Proof:
    """Run the legs and write the result into the evidence.

    A complete proof of the same bytes is not repeated.

    The claim of an earlier proof is withdrawn before the first leg runs, so that an interrupted
    proof proves nothing.
    """
    key = _proof_key(run, model, windows, legs, build_result)
    known = run.evidence.fields.get("proof", {})
    if not run.force and known.get("key") == key and known.get("complete"):
        results = (leg_from_json(leg, fields) for leg, fields in known["legs"].items())
        proof = Proof(tuple(results), None, known["int8_accuracy"])
        run.reporter.finish("verify", _verdict(proof), skipped=True)
        return proof
    run.evidence.drop("proof")
    run.reporter.start("verify", f"{len(windows.windows):,} windows through {', '.join(legs)}")
    compiled = load_compiled(run.code)
    elf = build_result.elf if build_result else None
    subject = Subject(
        model.graph,
        model.raw,
        windows.windows,
        windows.sim_rows,
        run.code,
        compiled,
        run.host_build,
        board,
        elf,
        windows.logits,
    )
    proof = run_legs(subject, legs, run.leg_progress())
    proof = replace(proof, accuracy=_accuracy(proof, windows))
    record = {"key": key, **_proof_record(run, model, proof, elf)}
    run.evidence.set("proof", record)
    run.reporter.finish("verify", _verdict(proof))
    return proof


def _proof_key(
    run: RunFolder,
    model: Model,
    windows: Windows,
    legs: Sequence[str],
    build_result: BuildResult | None,
) -> str:
    inputs = sha256_bytes(np.ascontiguousarray(windows.windows).tobytes())
    elf = sha256_file(build_result.elf) if build_result else ""
    parts = (model.sha256, sha256_tree(run.code), elf, inputs, windows.sim_rows, legs)
    return key_of("proof", *parts, tool_fingerprint())


def _verdict(proof: Proof) -> str:
    if proof.differs:
        return "DIFFERENT BYTES"
    done = [leg.leg for leg in proof.legs if leg.status == "ok"]
    return f"0 differing bytes in {', '.join(done)}"


def _proof_record(run: RunFolder, model: Model, proof: Proof, elf: Path | None) -> dict[str, Any]:
    return {
        "complete": proof.complete,
        "model_sha256": model.sha256,
        "code_sha256": sha256_tree(run.code),
        "elf_sha256": sha256_file(elf) if elf else None,
        "judge": f"tflite-micro {judge.TFLM_VERSION}",
        "int8_accuracy": proof.accuracy,
        "legs": {leg.leg: leg.to_json() for leg in proof.legs},
    }


def _accuracy(proof: Proof, windows: Windows) -> float | None:
    """Return the share of test windows that the judge classifies rightly.

    None without labels or judge.
    """
    if proof.outputs is None or windows.labels is None or len(windows.labels) == 0:
        return None
    answers = proof.outputs[: len(windows.labels)].argmax(axis=1)
    return float((answers == windows.labels).mean())


def bench(
    run: RunFolder,
    model: Model,
    board: Board,
    build_result: BuildResult,
    window: npt.NDArray[np.int8],
) -> dict[str, Any]:
    """Measure one inference on the simulator; return the fields of `mcu-slm bench --json`."""
    compiled = load_compiled(run.code)
    rooms = tool_fingerprint("simulator", "verify", "pipeline", "costs")
    key = key_of("bench", sha256_file(build_result.elf), rooms)
    evidence = run.evidence
    record = evidence.stage("bench")
    if not run.force and record is not None and record.key == key:
        run.reporter.finish("bench", _cost(record.facts), skipped=True)
        return record.facts
    run.reporter.start("bench", "measuring one inference on the board simulator")
    begin = time.monotonic()
    cost = measure(board, build_result.elf, compiled, window)
    if build_result.stack is not None:
        require_measured_stack(board, build_result.stack, cost.stack_bytes)
    checked = symbol_bytes(build_result.elf, CHECK_SYMBOLS)
    facts: dict[str, Any] = {
        "board": board.name,
        "macs": compiled.macs,
        "instructions": cost.instructions,
        "estimated_cycles": cost.estimated_cycles,
        "most_cycles": cost.most_cycles,
        "available_cycles": available_cycles(model, board),
        "flash_bytes": build_result.flash_bytes,
        "model_code_bytes": _model_flash(compiled, build_result) - compiled.weight_bytes - checked,
        "check_bytes": checked,
        "weight_bytes": compiled.weight_bytes,
        "spent_weight_bytes": compiled.spent_weight_bytes,
        "arena_bytes": compiled.arena_bytes,
        "state_bytes": compiled.state_bytes,
        "ram_bytes": build_result.ram_bytes,
        "stack_bytes": cost.stack_bytes,
        "model_stack_bytes": build_result.model_stack_bytes,
        "program_stack_bytes": build_result.program_stack_bytes,
        "layers": [asdict(layer) for layer in cost.layers],
    }
    add_predictions(facts, compiled)
    run.evidence.record("bench", key, [], facts, time.monotonic() - begin)
    run.reporter.finish("bench", _cost(facts))
    return facts


def _model_flash(compiled: CompiledModel, build_result: BuildResult) -> int:
    """Return the flash bytes of the model's own objects (without protocol and known answers)."""
    names = {f"{name}.o" for name in compiled.sources}
    objects = [path for path in build_result.model_objects if path.name in names]
    return linked_bytes(build_result.elf, objects)


def _cost(facts: dict[str, Any]) -> str:
    cycles = facts["estimated_cycles"]
    text = f"{facts['instructions']:,} instructions"
    if cycles is None:
        return text
    most = facts.get("most_cycles")
    waits = "" if most is None else f" (up to {most:,} if code always waits for the flash)"
    return f"{text}, about {cycles:,} cycles{waits}"


def available_cycles(model: Model, board: Board) -> int | None:
    """Return the core cycles from one window to the next; None where the model does not say."""
    info = read_info(model.graph.metadata)
    if info.sampling_rate_hz <= 0 or info.hop_samples <= 0:
        return None
    return int(board.clock_hz * info.hop_samples / info.sampling_rate_hz)


def check_budget(facts: dict[str, Any], budget: BudgetConfig) -> None:
    """Compare a measurement with the project's limits, and with the time between two windows.

    Raises:
        BudgetError: The first limit that does not hold, with both numbers.
    """
    cycles, available = facts["estimated_cycles"], facts["available_cycles"]
    if cycles is not None and available is not None and cycles > available:
        raise BudgetError(
            facts["board"],
            f"the model needs about {cycles:,} cycles per inference",
            f"at most the {available:,} from one window to the next",
            "Raise [data] hop_samples, use a smaller model or a faster board.",
            needed=cycles,
            limit=available,
        )
    flash = facts["weight_bytes"] + facts["model_code_bytes"] + facts["check_bytes"]
    ram = facts["arena_bytes"] + facts["state_bytes"]
    limits = (
        ("flash_bytes", "bytes of flash for the model", flash, budget.flash_bytes),
        ("ram_bytes", "bytes of arena and state", ram, budget.ram_bytes),
        ("cycles", "estimated cycles per inference", facts["estimated_cycles"], budget.cycles),
    )
    for name, what, found, limit in limits:
        if limit is not None and found is not None and found > limit:
            raise BudgetError(
                f"[budget] {name}",
                f"the model needs {found:,} {what}",
                f"at most {limit:,}",
                "Lower [model] width, blocks or ffn_width, prune more, or raise the budget.",
                needed=found,
                limit=limit,
            )
