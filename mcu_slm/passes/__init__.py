"""What the compiler does between the flatbuffer and C: a list of passes, each small and optional.

A pass takes a `Draft` and returns another one that gives the same bytes. They run in the order of
`PASSES`; after each the graph is verified. `--without NAME` leaves one out, to find which one is to
blame when two builds disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import product
from typing import Literal

from mcu_slm.errors import BuildError, UsageError
from mcu_slm.ir import verify
from mcu_slm.passes.attention import fuse_attention
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.passes.joining import join_in_place
from mcu_slm.passes.kernels import choose_kernels, fit_ram, share_kernels, store_transformed
from mcu_slm.passes.matmul_walks import walk_operands, walk_results
from mcu_slm.passes.memory import plan_draft
from mcu_slm.passes.padding import fold_padding
from mcu_slm.passes.still_moves import still_moves
from mcu_slm.passes.strips import lengthen_strips
from mcu_slm.passes.table_filling import fill_tables
from mcu_slm.passes.tables import merge_tables
from mcu_slm.passes.target import Target, target_for
from mcu_slm.passes.unused import drop_unused
from mcu_slm.passes.widening import widen_once

__all__ = [
    "PASSES",
    "Draft",
    "Pass",
    "Step",
    "Target",
    "check_names",
    "plan_draft",
    "run_passes",
    "target_for",
    "variants",
]


@dataclass(frozen=True)
class Pass:
    """One rewriting. `rewrite` gets what dsp kernels are for, None for portable ones.

    `memory` is "takes" where tensors may live longer, "saves" where time is given for memory.
    """

    name: str
    does: str
    rewrite: Callable[[Draft, Target | None], Draft]
    memory: Literal["", "takes", "saves"] = ""


def _always(rewrite: Callable[[Draft], Draft]) -> Callable[[Draft, Target | None], Draft]:
    return lambda draft, _: rewrite(draft)


def _for_dsp(rewrite: Callable[[Draft, Target], Draft]) -> Callable[[Draft, Target | None], Draft]:
    return lambda draft, target: draft if target is None else rewrite(draft, target)


PASSES = (
    Pass("still-moves", "copies that move nothing cost nothing", _always(still_moves)),
    Pass("merge-tables", "element-wise layers in a row are one table", _always(merge_tables)),
    Pass("fold-padding", "convolutions pad instead of PAD", _always(fold_padding)),
    Pass("walk-operands", "matrix products read through copies", _always(walk_operands), "takes"),
    Pass("walk-results", "matrix products write through copies", _always(walk_results)),
    Pass("fuse-attention", "scores of one head at a time", _always(fuse_attention), "saves"),
    Pass("join-in-place", "products write what was joined", _always(join_in_place), "takes"),
    Pass("drop-unused", "layers that nothing depends on are left out", _always(drop_unused)),
    Pass("choose-kernels", "each layer by its cheapest kernel", _for_dsp(choose_kernels)),
    Pass("store-transformed", "flash that is left for speed", _for_dsp(store_transformed)),
    Pass("fit-ram", "less working memory until RAM holds the arena", _for_dsp(fit_ram)),
    Pass("widen-once", "matrix products of the same rows widen them once", _for_dsp(widen_once)),
    Pass("lengthen-strips", "products in fewer strips", _for_dsp(lengthen_strips)),
    Pass("fill-tables", "tables are stored by their steps", _for_dsp(fill_tables)),
    Pass("share-kernels", "layers share kernels", _for_dsp(share_kernels)),
)
"""In this order."""


def check_names(names: Collection[str]) -> None:
    """Check the names of passes that somebody wants to leave out.

    Raises:
        UsageError: There is no such pass.
    """
    known = [entry.name for entry in PASSES]
    for name in names:
        if name not in known:
            raise UsageError("--without", f"{name!r}", f"one of {', '.join(known)}")


def run_passes(draft: Draft, target: Target | None, without: Collection[str] = ()) -> Draft:
    """Return the draft after all passes but those of some names.

    Raises:
        BuildError: A pass broke the graph.
    """
    for entry in PASSES:
        if entry.name in without:
            continue
        draft = entry.rewrite(draft, target)
        wrong = verify(draft.graph)
        if wrong:
            raise BuildError(
                f"pass {entry.name}",
                f"it broke the model: {wrong[0]}",
                remedy=f"Report this, please. Until then: --without {entry.name}",
            )
    return draft


def variants(draft: Draft, without: Collection[str], *, saves_ram: bool) -> list[tuple[str, ...]]:
    """Return the passes to leave out, in each way that may make a difference to the arena.

    The first is the fastest. Passes that save memory are left out or not; those that take some
    likewise where `saves_ram`.
    """
    choices = [
        ((), (entry.name,)) if entry.memory == "takes" else ((entry.name,), ())
        for entry in PASSES
        if entry.memory == "saves" or (entry.memory == "takes" and saves_ram)
    ]
    found: dict[tuple[tuple[str, tuple[int, ...]], ...], tuple[str, ...]] = {}
    for chosen in product(*choices):
        names = (*without, *(name for choice in chosen for name in choice))
        steps = run_passes(draft, None, names).steps
        found.setdefault(tuple((step.node.op, step.node.inputs) for step in steps), names)
    return list(found.values())
