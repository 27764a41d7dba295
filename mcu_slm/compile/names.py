"""C identifiers for layers and tensors, readable and unique."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MAX_LENGTH = 40


def identifier(name: str) -> str:
    """Return a lower-case C identifier fragment for a tensor name.

    Exporters write paths such as `StatefulPartitionedCall/model/dense_1/BiasAdd;...`: the part
    before the first `;` counts, without the prefixes that say nothing.
    """
    text = name.split(";", maxsplit=1)[0]
    text = re.sub(r"(StatefulPartitionedCall|PartitionedCall)[_0-9]*[:/]?", "", text)
    text = re.sub(r"[^0-9A-Za-z]+", "_", text).strip("_").lower()
    if len(text) > _MAX_LENGTH:
        text = text[-_MAX_LENGTH:].lstrip("_")
    return text or "tensor"


def unique(names: Iterable[str]) -> list[str]:
    """Return the names with `_2`, `_3` ... added where one repeats."""
    seen: dict[str, int] = {}
    taken: set[str] = set()
    result = []
    for name in names:
        candidate = name
        while candidate in taken:
            seen[name] = seen.get(name, 1) + 1
            candidate = f"{name}_{seen[name]}"
        taken.add(candidate)
        result.append(candidate)
    return result


def comment_safe(text: str) -> str:
    """Return text that can stand in a C comment: printable ASCII, no comment marks.

    A backslash, or its trigraph, at the end of a line would join it with the next.
    """
    plain = "".join(c if " " <= c <= "~" and c not in "\\?" else "_" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *")


def c_string(text: str) -> str:
    """Return text for a C string literal."""
    raw = text.encode("utf-8")
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in raw)
    return "".join(plain)
