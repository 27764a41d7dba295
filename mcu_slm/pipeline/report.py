"""`report.md` of a run: the same facts as on the screen, for a colleague or a review."""

from __future__ import annotations

from typing import Any, Final

from mcu_slm.boards import Board
from mcu_slm.pipeline.evidence import Evidence
from mcu_slm.pipeline.metrics import metric_title, shown_change, shown_metric


def render_report(name: str, board: Board, fields: dict[str, Any]) -> str:
    """Return the report as Markdown, from the evidence of a run."""
    stages, proof = fields.get("stages", {}), fields.get("proof", {})
    lines = [f"# {name} on {board.name}", ""]
    lines += [f"Model SHA-256 `{proof.get('model_sha256', 'none')}`, board {board.title}.", ""]
    answer = stages.get("firmware", {}).get("facts", {}).get("answer")
    if answer:
        lines += [f"The firmware answers {answer}.", ""]
    training = stages.get("train", {}).get("facts")
    if training:
        lines += _training(training, proof)
    bench = stages.get("bench", {}).get("facts")
    if bench:
        lines += _cost(bench, board)
    if proof:
        lines += _proof(proof)
    return "\n".join(lines) + "\n"


STAGES: Final = {
    "teacher": "who the student learns from",
    "labels_only": "the float student if it learns from labels alone",
    "float": "the float student",
    "pruned": "after pruning",
    "int8_untrained": "int8 without quantisation-aware training",
    "fake_quant": "after quantisation-aware training, in float arithmetic",
    "int8": "what the device answers",
}
"""What the stages of training are."""

_COSTS: Final = {
    "parameters": "parameters",
    "instructions": "instructions",
    "cycles": "cycles",
    "flash_bytes": "flash, bytes",
    "ram_bytes": "RAM, bytes",
}

_STEPS: Final = (
    ("learning from the teacher too", ("labels_only",), "float"),
    ("pruning", ("float",), "pruned"),
    ("int8", ("pruned", "float"), "int8_untrained"),
    ("quantisation-aware training", ("int8_untrained",), "int8"),
)
"""Steps of the recipe: what they are, the stages that may come before, and the one that follows."""


def _training(facts: dict[str, Any], proof: dict[str, Any]) -> list[str]:
    main, metrics, costs = facts["main_metric"], facts["metrics"], facts.get("costs", {})
    others = [name for name in metrics["int8"]["test"] if name != main]
    columns = [f"validation {metric_title(main)}"]
    columns += [f"test {metric_title(name)}" for name in (main, *others)]
    columns += _COSTS.values()
    lines = [
        "## Results",
        "",
        "| | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for stage, splits in metrics.items():
        seen, cost = splits.get("validation"), costs.get(stage, {})
        cells = [shown_metric(main, seen.get(main), 2) if seen else "learned from"]
        cells += [shown_metric(name, splits["test"].get(name), 2) for name in (main, *others)]
        cells += [f"{cost[name]:,}" if name in cost else "" for name in _COSTS]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    legend = "; ".join(f"{stage}: {STAGES[stage]}" for stage in metrics if stage in STAGES)
    lines += ["", f"{legend}.", "", "Costs are predicted, for one inference."]
    lines += _worth(main, metrics)
    judged = proof.get("int8_accuracy")
    if judged is not None:
        lines += ["", f"int8, judged by TensorFlow Lite Micro: accuracy {judged:.2%}."]
    counts = ", ".join(f"{name} {count:,}" for name, count in facts["parameters"].items())
    return [*lines, "", f"Parameters: {counts}.", "", *_removals(facts["removals"])]


def _worth(main: str, metrics: dict[str, Any]) -> list[str]:
    """Return what each step changes in the test, where the run trained what that takes."""
    if not {"labels_only", "int8_untrained"} & set(metrics):
        return []
    lines = ["", "## What each step is worth", ""]
    lines += [f"| step | from | to | test {metric_title(main)} |", "|---|---|---|---|"]
    for step, candidates, after in _STEPS:
        before = next((stage for stage in candidates if stage in metrics), None)
        if before is None or after not in metrics:
            continue
        found = [metrics[stage]["test"].get(main) for stage in (before, after)]
        if None not in found:
            change = shown_change(main, found[1] - found[0])
            lines.append(f"| {step} | {before} | {after} | {change} |")
    return [*lines, "", "Of one seed: others differ, often by more than a small step is worth."]


def _removals(removals: list[dict[str, Any]]) -> list[str]:
    if not removals:
        return []
    lines = ["## Pruning", "", "Predicted costs after each step; the loss before fine-tuning.", ""]
    lines += [
        "| removed | left | rise of the loss | instructions | flash | RAM |",
        "|---" * 6 + "|",
    ]
    for step in removals:
        cost = step["cost"]
        lines.append(
            f"| {step['what']} | {step['left']} | {step['loss_increase']:.4f} | "
            f"{cost['instructions']:,} | {cost['flash_bytes']:,} | {cost['ram_bytes']:,} |"
        )
    return [*lines, ""]


def _cost(facts: dict[str, Any], board: Board) -> list[str]:
    chip = board.chip
    cycles = facts["estimated_cycles"]
    computed, whole = (
        "not known" if facts.get(name) is None else f"{facts[name]:,}"
        for name in ("model_stack_bytes", "program_stack_bytes")
    )
    lines = [
        "## Cost",
        "",
        "Flash, RAM and instructions are exact for the linked Release image. Cycles are estimated "
        "for zero wait states; none of this was measured on silicon.",
        "",
        "| | bytes | of |",
        "|---|---|---|",
        f"| flash, whole image | {facts['flash_bytes']:,} | {chip.flash.size_bytes:,} |",
        f"| of it weights | {facts['weight_bytes']:,} | |",
        f"| of these spent on speed, beyond the file's | {facts['spent_weight_bytes']:,} | |",
        f"| of it code and tables of the model | {facts['model_code_bytes']:,} | |",
        f"| of it what the check of the weights at boot reads | {facts['check_bytes']:,} | |",
        f"| RAM, stack included | {facts['ram_bytes']:,} | {chip.ram.size_bytes:,} |",
        f"| of it the arena | {facts['arena_bytes']:,} | |",
        f"| of it the state | {facts['state_bytes']:,} | |",
        f"| stack of one inference at most, computed | {computed} | |",
        f"| stack of the firmware, interrupts included, at most, computed | {whole} | |",
        f"| stack of the firmware, high-water on the simulator | {facts['stack_bytes']:,} | |",
        "",
        f"One inference: {facts['macs']:,} multiply-accumulates, "
        f"{facts['instructions']:,} instructions"
        + (f", about {cycles:,} cycles." if cycles is not None else ".")
        + _with_wait_states(facts),
        "",
        "| layer | operator | MACs | instructions | estimated cycles |",
        "|---|---|---|---|---|",
    ]
    for layer in facts["layers"]:
        cycles = layer["estimated_cycles"]
        shown = "not run" if cycles is None else f"{cycles:,}"
        lines.append(
            f"| {layer['name']} | {layer['op']} | {layer['macs']:,} | "
            f"{layer['instructions']:,} | {shown} |"
        )
    return [*lines, ""]


def _with_wait_states(facts: dict[str, Any]) -> str:
    most = facts.get("most_cycles")
    if most is None:
        return ""
    return (
        f" With the flash's wait states between that and {most:,} (an estimate: at worst nothing "
        "is prefetched and only layers that fit the instruction cache stay in it; reads of "
        "constants are not contained)."
    )


def _proof(proof: dict[str, Any]) -> list[str]:
    lines = ["## Proof", "", f"Judge: {proof.get('judge')}.", ""]
    lines += ["| leg | status | windows | bytes | differing | |", "|---|---|---|---|---|---|"]
    for leg, result in proof["legs"].items():
        note = "information, no gate" if result.get("information") else result["reason"]
        lines.append(
            f"| {leg} | {result['status']} | {result['windows']:,} | {result['bytes']:,} | "
            f"{result['differing']:,} | {note} |"
        )
    verdict = "complete" if proof["complete"] else "NOT complete"
    return [*lines, "", f"The proof is {verdict}.", ""]


def report_of(name: str, board: Board, evidence: Evidence) -> str:
    """Return the report of a run from its evidence."""
    return render_report(name, board, evidence.fields)
