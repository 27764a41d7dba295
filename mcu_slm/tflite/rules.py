"""What a `.tflite` file must satisfy before anything native sees it: one name per rule.

Every refusal of the reader carries the name of its rule in `error.values["rule"]`; the command
`check` prints it, the fuzz driver counts by it. What an operator may look like is the business of
`mcu_slm.ops`; its refusals carry no rule.
"""

from __future__ import annotations

from typing import NoReturn

from mcu_slm.errors import ModelError, UnsupportedOperatorError

RULES: dict[str, str] = {
    # The bytes
    "file-size": "the file is no larger than 16 MiB",
    "identifier": "bytes 4 to 7 are TFL3",
    "offset": "every offset and every value lies inside the file",
    "table": "every table's field index is whole and its fields lie inside the table",
    "alignment": "numbers, vectors, tables and constants are aligned to their element (4 at most)",
    "vector": "no vector reaches beyond the end of the file",
    "string": "strings are UTF-8 and end with a zero byte",
    "item-count": "tables and vector entries, counted as often as they are reached, are limited",
    "enum": "options with names have a value that the format knows",
    # The model
    "format-version": "the format version is 3",
    "subgraphs": "there is one subgraph, and further ones only where CALL_ONCE calls them",
    "count": "no more tensors and operators than the limits",
    "external-data": "all data lies inside the flatbuffer",
    "buffer-zero": "buffer 0, which stands for 'no data', is empty",
    "metadata": "metadata names buffers that exist",
    "memory-plan": "a memory plan keeps tensors apart, and constants are not compressed",
    "signature": "signatures name tensors that exist",
    # Tensors
    "type": "the element type is known and numeric",
    "sparse": "constants are dense",
    "rank": "no tensor has more dimensions than the interpreter can hold",
    "dimension": "dimensions are fixed and not negative",
    "tensor-size": "the product of the dimensions, computed exactly, is within the limit",
    "scale": "scales are finite and positive",
    "zero-point": "zero points lie in the range of the element type, one per scale or one for all",
    "quantised-dimension": "there is one scale per channel along the quantised dimension",
    "quantisation-details": "quantisation is affine, without custom details",
    "buffer-index": "a tensor's buffer exists",
    "data-size": "a constant has as many bytes as its shape says",
    "truth-value": "constants of type bool are 0 or 1",
    "variable": "a variable has no constant data and is no input of the graph",
    # Operators
    "operator-code": "an operator's code exists and names a built-in operator",
    "operator-version": "operator versions are 1 and more",
    "options": "an operator has its own kind of options, and no custom ones",
    "operator-outputs": "every operator but ASSIGN_VARIABLE and CALL_ONCE writes a tensor",
    "tensor-index": "inputs, outputs and intermediates name tensors that exist",
    # Variables
    "handle": "handles of variables have a name, come from VAR_HANDLE and go to reads, assignments",
    "call-once": "CALL_ONCE calls a further subgraph, before variables are read or assigned",
    "initialisation": "a further subgraph only assigns constants to variables, each once",
    # The graph
    "empty-tensor": "no operator reads or writes an empty tensor",
    "graph-ends": "the graph has inputs and outputs; an input is named once and is no constant",
    "order": "operators stand in execution order",
    "double-write": "each tensor is written once",
    "unwritten-output": "every graph output is written",
}
"""Name -> what must hold."""

EXPORT_AGAIN = "Export the model again."
_LONGEST_NAME = 80


def refuse(
    rule: str, where: str, found: str, expected: str = "", remedy: str = EXPORT_AGAIN
) -> NoReturn:
    """Raise the error for a file that is broken or contradicts itself."""
    raise ModelError(where, found, expected, remedy, rule=rule)


def unsupported(
    rule: str, where: str, found: str, expected: str = "", remedy: str = ""
) -> NoReturn:
    """Raise the error for a legal file that uses something this compiler has no use for."""
    raise UnsupportedOperatorError(where, found, expected, remedy, rule=rule)


def printable(name: str) -> str:
    """Return a name from the file as a message may show it: on one line, without control codes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return shown if len(shown) <= _LONGEST_NAME else shown[:_LONGEST_NAME] + "..."
