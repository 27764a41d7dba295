"""A package that calls itself tensorflow: just enough of it for the child process to go its way.

A `.keras` file of this kind is JSON: the shapes of its `inputs` and their `dtype`, the kinds of its
`layers`, and what the converter does with it (`then`): "answer" with `model.tflite` beside the
file, "crash", "exit", "hang" or "raise" with `text`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "2.21.fake"

_FREEZING = "def convert_variables_to_constants_v2(concrete):\n    return concrete\n"
_PACKAGE = """
import json, os, signal, sys, time
from pathlib import Path
from types import SimpleNamespace as Some

__version__ = "2.21.fake"
print("noise on stdout")
print("noise on stderr", file=sys.stderr)
if os.environ.get("FAKE_TENSORFLOW") == "broken":
    raise ImportError("libtensorflow.so is cut short")

facts = {}


def load_model(path, compile):
    facts.update(json.loads(Path(path).read_text()), path=path)
    if "cannot load" in facts:
        raise ValueError(facts["cannot load"] + "\\nsecond line")
    inputs = [Some(name=f"in{n}", shape=tuple(s), dtype=facts["dtype"])
              for n, s in enumerate(facts["inputs"])]
    layers = [type(kind, (), {"name": kind.lower()})() for kind in facts["layers"]]
    return Some(inputs=inputs, layers=layers)


class Converter:
    def __init__(self):
        self.target_spec = Some()

    @classmethod
    def from_concrete_functions(cls, functions):
        return cls()

    def convert(self):
        then = facts["then"]
        if then == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if then == "exit":
            sys.exit("out of memory")
        if then == "hang":
            time.sleep(600)
        if then == "raise":
            raise RuntimeError(facts["text"])
        batches = [batch for (batch,) in self.representative_dataset()]
        seen = {"shapes": [list(b.shape) for b in batches],
                "sum": float(sum(b.sum() for b in batches)),
                "ops": self.target_spec.supported_ops,
                "types": [self.inference_input_type, self.inference_output_type]}
        Path(facts["path"]).with_name("seen.json").write_text(json.dumps(seen))
        return Path(facts["path"]).with_name("model.tflite").read_bytes()


concrete = Some(graph=Some(as_graph_def=lambda: Some(node=[])), inputs=[], outputs=[])
keras = Some(models=Some(load_model=load_model))
lite = Some(TFLiteConverter=Converter, Optimize=Some(DEFAULT="default"),
            OpsSet=Some(TFLITE_BUILTINS_INT8="int8 only"))
int8 = "int8"
graph_util = Some(import_graph_def=None)
compat = Some(v1=Some(wrap_function=lambda f, s: Some(prune=lambda i, o: concrete)))


def TensorSpec(shape, dtype, name):
    assert shape[0] == 1
    return Some(shape=shape, dtype=dtype)


def as_dtype(name):
    return Some(name=name)


def function(call):
    return Some(get_concrete_function=lambda spec: concrete)
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parent and child find this package before any other."""
    framework = folder / "tensorflow" / "python" / "framework"
    framework.mkdir(parents=True)
    (folder / "tensorflow" / "__init__.py").write_text(_PACKAGE)
    (folder / "tensorflow" / "python" / "__init__.py").touch()
    (framework / "__init__.py").touch()
    (framework / "convert_to_constants.py").write_text(_FREEZING)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))


def keras_file(path: Path, tflite: bytes = b"", **fields: Any) -> Path:
    """Write a model file; `tflite` is what the converter answers with."""
    defaults: dict[str, Any] = {"inputs": [[None, 4]], "dtype": "float32", "layers": ["Dense"]}
    path.write_text(json.dumps({**defaults, "then": "answer", **fields}))
    path.with_name("model.tflite").write_bytes(tflite)
    return path


def seen_by_converter(model: Path) -> dict[str, Any]:
    """Return what the converter of a model was given."""
    seen: dict[str, Any] = json.loads(model.with_name("seen.json").read_text())
    return seen
