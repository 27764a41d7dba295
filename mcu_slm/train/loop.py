"""One training phase: AdamW, warm-up, cosine decay; the best late epoch is kept, or the last.

Every epoch draws from a generator seeded by (seed, stream, epoch), so a phase continued from a
checkpoint takes exactly the steps it would have taken without the interruption.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from mcu_slm.errors import TrainingError
from mcu_slm.train.checkpoint import CheckpointStore, State, fingerprint, snapshot
from mcu_slm.train.progress import Progress, ProgressEvent
from mcu_slm.train.tasks import Points, Score

MIN_STEPS_PER_EPOCH = 16
"""Small data sets are passed several times per epoch, so that an epoch stays a useful unit."""

CHOSEN_SHARE = 0.25
"""Only this last share of the epochs may win. Earlier ones differ more, so that with validation
data of a few subjects the highest of their scores is luck, not skill."""

GRADIENT_NORM = 1.0
LAST_RATE = 0.01
"""The learning rate at the end, relative to its peak."""


@dataclass(frozen=True)
class TensorWindows:
    """Normalised windows of one split, as tensors.

    Shapes: x: [N, T, C] float32, y: truth of each window, as in the data set. `judged`: rows that
    count when answers are judged; None for all. `points`: where the windows lie on time, where the
    task asks for that.
    """

    x: torch.Tensor
    y: torch.Tensor
    judged: torch.Tensor | None = None
    points: Points | None = None

    def __len__(self) -> int:
        return len(self.y)

    def counted(self, values: torch.Tensor) -> torch.Tensor:
        """Return the rows of values [N, ...] whose windows count when answers are judged."""
        return values if self.judged is None else values[self.judged]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a phase learns."""

    epochs: int
    learning_rate: float
    batch_size: int = 64
    weight_decay: float = 0.01
    warmup: float = 0.15


@dataclass(frozen=True, eq=False)
class Batch:
    """Some training windows, and what a loss may need besides.

    Args:
        x, y: Windows [B, T, C] and their truth.
        rows: Which training windows they are.
        generator: Randomness of this epoch.
        elapsed: How far the phase is, 0 to 1.
        number: Number of the epoch's random stream and of the batch in it: the same numbers mean
            the same windows and random draws.
    """

    x: torch.Tensor
    y: torch.Tensor
    rows: torch.Tensor
    generator: torch.Generator
    elapsed: float
    number: tuple[int, int]


@dataclass(frozen=True)
class Phase:
    """What one phase trains and how it is judged.

    Args:
        name: Name of the checkpoint file and of the progress events.
        model: Ends up with the weights of the best late epoch, or of the last one where there is
            nothing to choose by.
        lineage: Fingerprint of all that came before.
        loss: Gives the loss of a batch.
        validate: Gives the score of the model as it is; None where there is no validation.
        stream: Name of the random stream; phases of one stream see the same batches.
        cycle: After so many epochs the stream starts again; 0 for never.
        metric: Name of what `validate` measures.
    """

    name: str
    model: nn.Module
    schedule: Schedule
    lineage: str
    loss: Callable[[Batch], torch.Tensor]
    validate: Callable[[], Score] | None
    stream: str
    cycle: int = 0
    metric: str = ""


def run_phase(
    phase: Phase, data: TensorWindows, seed: int, store: CheckpointStore, progress: Progress
) -> float:
    """Train to the last epoch, from the checkpoint if there is one; return the seconds spent.

    Raises:
        TrainingError: The loss is not finite.
    """
    optimizer = torch.optim.AdamW(
        phase.model.parameters(), weight_decay=phase.schedule.weight_decay
    )
    state = store.load(phase.name, phase.lineage)
    epoch, seconds, best, best_model = 0, 0.0, None, None
    if state is not None:
        epoch, seconds = state["epoch"], state["seconds"]
        best = Score(*state["best"]) if state["best"] else None
        best_model = state["best_model"]
        phase.model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    while epoch < phase.schedule.epochs:
        start = time.monotonic()
        loss = _train_epoch(phase, data, optimizer, seed, epoch)
        score = phase.validate() if phase.validate else None
        epoch += 1
        late = epoch > (1.0 - CHOSEN_SHARE) * phase.schedule.epochs
        if score is not None and late and score.better_than(best):
            best, best_model = score, snapshot(phase.model)
        seconds += time.monotonic() - start
        store.save(
            phase.name,
            phase.lineage,
            {
                "epoch": epoch,
                "seconds": seconds,
                "best": [best.value, best.loss] if best else [],
                "best_model": best_model,
                "model": snapshot(phase.model),
                "optimizer": optimizer.state_dict(),
            },
        )
        left = seconds / epoch * (phase.schedule.epochs - epoch)
        value = None if score is None else abs(score.value)
        event = ProgressEvent(
            phase.name, epoch, phase.schedule.epochs, loss, phase.metric, value, left
        )
        progress(event)
    if best_model is not None:
        phase.model.load_state_dict(best_model)
    phase.model.eval()
    return seconds


def _train_epoch(
    phase: Phase, data: TensorWindows, optimizer: torch.optim.Optimizer, seed: int, epoch: int
) -> float:
    """Take the steps of one epoch and return their mean loss."""
    number = epoch % phase.cycle if phase.cycle else epoch
    generator = torch.Generator().manual_seed(_derived_seed(seed, phase.stream, number))
    # Dropout draws from the global generator; `reproducible` gives it back unchanged.
    torch.manual_seed(_derived_seed(seed, phase.stream, number, "global"))
    phase.model.train()
    total, steps = 0.0, 0
    batches = list(_batches(len(data), phase.schedule.batch_size, generator))
    for i, index in enumerate(batches):
        elapsed = (epoch + i / len(batches)) / phase.schedule.epochs
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(phase.schedule, elapsed)
        batch = Batch(data.x[index], data.y[index], index, generator, elapsed, (number, i))
        loss = phase.loss(batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                f"{phase.name}, epoch {epoch + 1}",
                f"the loss is {value}",
                "a finite number",
                "Lower learning_rate, or look for NaN and huge values in the recordings.",
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(phase.model.parameters(), GRADIENT_NORM)
        optimizer.step()
        total, steps = total + value, steps + 1
    return total / steps


def learning_rate(schedule: Schedule, elapsed: float) -> float:
    """Return the rate after the share `elapsed` of a phase: linear warm-up, then a cosine down."""
    if elapsed < schedule.warmup:
        return schedule.learning_rate * (0.05 + 0.95 * elapsed / schedule.warmup)
    position = (elapsed - schedule.warmup) / (1.0 - schedule.warmup)
    cosine = 0.5 * (1.0 + math.cos(math.pi * position))
    return schedule.learning_rate * (LAST_RATE + (1.0 - LAST_RATE) * cosine)


def _batches(count: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield index tensors of one epoch; every pass over the data is a new permutation.

    Batches of a pass have nearly equal sizes: a left-over of one or two windows would spoil batch
    statistics.
    """
    per_pass = max(round(count / batch_size), 1)
    passes = -(-MIN_STEPS_PER_EPOCH // per_pass)
    for _ in range(passes):
        order = torch.randperm(count, generator=generator)
        yield from torch.tensor_split(order, per_pass)


def _derived_seed(*parts: int | str) -> int:
    return int(fingerprint(*parts)[:15], 16)


@contextmanager
def reproducible(most_threads: int) -> Iterator[None]:
    """Make PyTorch deterministic, on few threads; everything is put back at the end.

    The number of threads decides in which order sums are formed, so it is part of the result. A GPU
    has no deterministic form of some operators: there PyTorch warns, and names them.
    """
    deterministic = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    threads = torch.get_num_threads()
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=gpus):
        torch.use_deterministic_algorithms(True, warn_only=bool(gpus))
        torch.set_num_threads(min(most_threads, threads))
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=warned)
            torch.set_num_threads(threads)


__all__ = [
    "Batch",
    "Phase",
    "Schedule",
    "State",
    "TensorWindows",
    "learning_rate",
    "reproducible",
    "run_phase",
]
