"""Progress as TensorBoard logs, for whoever has TensorBoard (it comes with the extra `train`)."""

from __future__ import annotations

from pathlib import Path

from mcu_slm.train.progress import Progress, ProgressEvent

FOLDER = "tensorboard"


def logged(progress: Progress, folder: Path) -> Progress:
    """Return a progress callback that also writes loss and validation of each epoch below `folder`.

    Without TensorBoard it is `progress` itself. Curves are named after their phase, so that a
    training which was continued adds to them.
    """
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return progress

    writer = SummaryWriter(str(folder / FOLDER))

    def log(event: ProgressEvent) -> None:
        writer.add_scalar(f"{event.phase}/loss", event.loss, event.epoch)
        if event.validation is not None:
            name = f"{event.phase}/validation_{event.metric}"
            writer.add_scalar(name, event.validation, event.epoch)
        # A training that is interrupted between two epochs has logged all of them.
        writer.flush()
        progress(event)

    return log
