"""The child process: TensorFlow loads a model and converts it to full INT8.

`python -m mcu_slm.quantize.child FOLDER` reads `job.json` there and writes `model.tflite` and
`facts.json`, or `error.json` with the parts of an error. `stage.json` says what it was doing, for
the case that it crashes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcu_slm.errors import McuSlmError, ModelError, ToolError
from mcu_slm.quantize.samples import Samples, Shape, load_samples
from mcu_slm.quantize.spellings import respell

_SIGNATURE = "serving_default"
_RECURRENT = re.compile(r"LSTM|GRU|RNN|Bidirectional")
_UNCONVERTED = re.compile(r"'(tfl?\.\w+)' op")
_PLACE = re.compile(r'loc\((?:fused\[)?(?:callsite\()?"([^"@]+)')
_LONGEST = 300


@dataclass(frozen=True, eq=False)
class _Source:
    """A loaded model: what to call, with which input. Shapes: without batch."""

    call: Callable[[Any], Any]
    shape: Shape
    dtype: str
    recurrent: tuple[str, ...] = ()


def main(folder: Path) -> None:
    """Do the job in `folder`; an error becomes `error.json`."""
    try:
        facts = _convert(folder, json.loads((folder / "job.json").read_text()))
    except McuSlmError as error:
        _write(folder / "error.json", error.to_json())
    else:
        _write(folder / "facts.json", facts)


def _convert(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    _write(folder / "stage.json", {"stage": "importing TensorFlow", "recurrent": []})
    try:
        import tensorflow as tf
    except Exception as error:
        raise ToolError(
            "TensorFlow",
            f"cannot be imported: {_first_line(error)}",
            remedy="Install it again with: pip install --force-reinstall 'mcu-slm[keras]'",
        ) from error
    model, shown = Path(job["model"]), job["model"]
    _write(folder / "stage.json", {"stage": "loading the model", "recurrent": []})
    source = _saved_model(tf, model, shown) if model.is_dir() else _keras(tf, model, shown)
    samples = load_samples(
        *(Path(job["data"]), job["shown"], job["array"]),
        *(source.shape, source.dtype, job["windows"]),
    )
    _write(folder / "stage.json", {"stage": "converting", "recurrent": list(source.recurrent)})
    (folder / "model.tflite").write_bytes(_flatbuffer(tf, source, samples, shown))
    return {
        "array": samples.array,
        "windows": len(samples.windows),
        "available": samples.available,
        "tensorflow": tf.__version__,
    }


def _keras(tf: Any, path: Path, shown: str) -> _Source:
    """Load a `.keras` file in Keras's safe mode: no code from the file runs."""
    try:
        model = tf.keras.models.load_model(str(path), compile=False)
    except Exception as error:
        raise ModelError(
            shown,
            f"Keras cannot load it: {_first_line(error)}",
            "a model of Keras's own layers",
            "With layers of your own, or Lambda, write a SavedModel: model.export('folder').",
        ) from error
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ModelError(
            shown,
            "the model does not say what its input is",
            "a model with an Input of known shape",
            "Begin it with keras.Input(shape), or call it once before saving.",
        )
    layers = tuple(
        f"{layer.name!r} ({type(layer).__name__})"
        for layer in model.layers
        if _RECURRENT.search(type(layer).__name__) and not getattr(layer, "unroll", False)
    )
    (entry,) = _only_input(shown, [tensor.name for tensor in inputs], inputs)
    shape = _without_batch(shown, entry.shape)
    return _Source(lambda x: model(x, training=False), shape, tf.as_dtype(entry.dtype).name, layers)


def _saved_model(tf: Any, path: Path, shown: str) -> _Source:
    """Load a SavedModel folder; its signature is what is converted."""
    try:
        loaded = tf.saved_model.load(str(path))
        signatures = dict(loaded.signatures)
    except Exception as error:
        raise ModelError(
            shown,
            f"TensorFlow cannot load it: {_first_line(error)}",
            "a .keras file, or the folder of a SavedModel",
            "Write one with model.export('folder').",
        ) from error
    names = ", ".join(signatures) or "none"
    chosen = signatures.get(_SIGNATURE)
    if chosen is None:
        raise ModelError(
            shown, f"signatures: {names}", _SIGNATURE, "Write it with model.export('folder')."
        )
    specs = chosen.structured_input_signature[1]
    ((name, spec),) = _only_input(shown, list(specs), list(specs.items()))
    shape = _without_batch(shown, spec.shape)

    def call(x: Any) -> Any:
        # Refers to `loaded`, which owns the variables.
        return loaded.signatures[_SIGNATURE](**{name: x})

    return _Source(call, shape, spec.dtype.name)


def _only_input(shown: str, names: list[str], inputs: Any) -> Any:
    if len(names) != 1:
        raise ModelError(
            shown,
            f"the model has {len(names)} inputs ({', '.join(names)})",
            "one",
            "Join them along the channels, or quantise it yourself and run the .tflite.",
        )
    return inputs


def _without_batch(shown: str, shape: Any) -> Shape:
    """Return a declared shape without its batch, which must be open or 1."""
    if getattr(shape, "rank", 0) is None or len(shape) < 2:
        raise ModelError(shown, f"its input has shape {shape}", "[batch, ...] of known rank")
    sizes = tuple(None if size is None else int(size) for size in shape)
    if sizes[0] not in (None, 1):
        raise ModelError(
            shown,
            f"its input has a fixed batch of {sizes[0]}",
            "an open batch, or 1: a device infers one window at a time",
            "Save the model with keras.Input(shape) without batch_size.",
        )
    return sizes[1:]


def _flatbuffer(tf: Any, source: _Source, samples: Samples, shown: str) -> bytes:
    """Convert with batch 1, calibrated on the samples."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    window = tf.TensorSpec([1, *samples.windows.shape[1:]], source.dtype, name="window")
    try:
        concrete = tf.function(source.call).get_concrete_function(window)
        frozen = respell(tf, convert_variables_to_constants_v2(concrete))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[None]] for row in samples.windows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())
    except Exception as error:
        raise _not_converted(shown, str(error)) from error


def _not_converted(shown: str, text: str) -> ModelError:
    """Return the error of a conversion, with operator and place where TensorFlow names them."""
    operators = sorted(set(_UNCONVERTED.findall(text)))
    place = _PLACE.search(text)
    found = f"cannot convert {', '.join(operators)}" if operators else _first_line(text)
    where = f"{shown}: {place.group(1)}" if place and operators else shown
    return ModelError(
        where,
        f"TensorFlow's converter {found if operators else 'gave up: ' + found}",
        "layers that TensorFlow Lite has built-in operators for" if operators else "",
        "Replace the layer; mcu-slm ops lists what runs.",
    )


def _first_line(error: Exception | str) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:_LONGEST]


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, default=str))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
