"""What a model would cost on a board, without writing any code: what pruning is steered by."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm import costs
from mcu_slm.compile.program import Program, make_program
from mcu_slm.compile.states import state_bytes
from mcu_slm.dsp.budget import Budget
from mcu_slm.ir import Graph
from mcu_slm.passes import target_for

GLUE_BYTES = 128
"""Flash of a layer's call in `model.c`, about."""


@dataclass(frozen=True)
class Estimate:
    """Predicted costs of one inference.

    `flash_bytes` holds weights and tables exactly, code as the cost table knows it. A layer of
    which no kernel was measured counts its products instead.
    """

    instructions: int
    cycles: int
    flash_bytes: int
    ram_bytes: int


def estimate(
    graph: Graph, kernel_family: str, optimize: str, core: str | None, budget: Budget | None = None
) -> Estimate:
    """Return what `compile_model` with the same arguments would make of a graph.

    Raises:
        UnsupportedOperatorError: An operator, type or option without a kernel.
        ModelError: The model contradicts itself.
    """
    target = target_for(kernel_family, optimize, core, budget)
    program = make_program(graph, b"", target, saves_ram=optimize == "ram")
    instructions = cycles = 0.0
    for operator in program.operators:
        cost = costs.predict(operator)
        instructions += cost.instructions if cost else operator.macs
        cycles += cost.cycles if cost else operator.macs
    ram = program.plan.arena_bytes + state_bytes(program.states)
    return Estimate(round(instructions), round(cycles), _flash_bytes(program), ram)


def _flash_bytes(program: Program) -> int:
    """Return constants, code of the kernels, each once, and the calls."""
    code = {
        (operator.kernels, *(kernel.name for kernel in operator.generated)): costs.code_bytes(
            operator
        )
        for operator, function in zip(program.operators, program.functions, strict=True)
        if function
    }
    arrays = sum(array.data.nbytes for array in program.arrays)
    calls = sum(1 for function in program.functions if function)
    return arrays + sum(code.values()) + GLUE_BYTES * calls
