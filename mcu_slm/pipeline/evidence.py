"""`evidence.json`: the hashes of every input and artefact, and the results of the proof.

Each stage is recorded with a key (the hash of everything it depends on, the tool's own code
included) and with the hashes of what it wrote. A stage whose key is unchanged and whose files are
still there is skipped.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcu_slm import __version__, resources
from mcu_slm.files import sha256_file, write_json

EVIDENCE = "evidence.json"
_TABLES = ("stages", "settings", "proof")
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class StageRecord:
    """What a stage depended on (`key`), wrote and found out.

    `outputs`: path relative to the run -> SHA-256. Units: seconds.
    """

    key: str
    outputs: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class Evidence:
    """The record of one run folder.

    Saved after every stage, so that an interruption loses nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fields = _read(folder / EVIDENCE)

    @property
    def path(self) -> Path:
        """Where the record is."""
        return self._folder / EVIDENCE

    @property
    def fields(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return self._fields

    def stage(self, name: str) -> StageRecord | None:
        """Return the record of a stage, None when it never finished."""
        entry = self._fields.get("stages", {}).get(name)
        try:
            return StageRecord(
                entry["key"], dict(entry["outputs"]), dict(entry["facts"]), float(entry["seconds"])
            )
        except (KeyError, TypeError, ValueError):
            return None

    def is_current(self, name: str, key: str, *, edits_allowed: bool = False) -> bool:
        """Return whether a stage with this key has run and its files are as it left them.

        With `edits_allowed` it is enough that the files are there: generated code that somebody
        changed must be proved as it is, not silently replaced.
        """
        record = self.stage(name)
        if record is None or record.key != key:
            return False
        if edits_allowed:
            return all((self._folder / path).is_file() for path in record.outputs)
        return not self.edited(name)

    def edited(self, name: str) -> list[str]:
        """Return the files of a stage that are missing or differ from what it wrote."""
        record = self.stage(name)
        if record is None:
            return []
        return [path for path, digest in record.outputs.items() if self._digest(path) != digest]

    def record(
        self,
        name: str,
        key: str,
        outputs: list[Path],
        facts: dict[str, Any] | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Write down that a stage has finished."""
        root = self._folder.resolve()
        paths = sorted(path.resolve() for path in outputs)
        hashes = {path.relative_to(root).as_posix(): sha256_file(path) for path in paths}
        self._fields["tool_version"] = __version__
        self._fields.setdefault("stages", {})[name] = {
            "key": key,
            "outputs": hashes,
            "facts": facts or {},
            "seconds": round(seconds, 3),
        }
        self.save()

    def set(self, name: str, value: Any) -> None:
        """Set a top-level field and save."""
        self._fields[name] = value
        self.save()

    def drop(self, name: str) -> None:
        """Remove a top-level field, so that a stale claim cannot survive a failed attempt."""
        if self._fields.pop(name, None) is not None:
            self.save()

    def save(self) -> None:
        """Write the record."""
        write_json(self.path, self._fields)

    def _digest(self, path: str) -> str:
        try:
            return sha256_file(self._folder / path)
        except OSError:
            return ""


def _read(path: Path) -> dict[str, Any]:
    """Return the fields of an evidence file.

    A missing or damaged one proves nothing and is empty.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(fields, dict):
        return {}
    return {name: v for name, v in fields.items() if name not in _TABLES or isinstance(v, dict)}


def key_of(*parts: Any) -> str:
    """Return the hash of JSON values: the key of a stage."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def tool_fingerprint(*rooms: str) -> str:
    """Return the hash of the tool's own files below the named rooms (modules or folders).

    All of them without names.
    """
    digest = hashlib.sha256(__version__.encode())
    folders = [_PACKAGE, resources.folder("boards"), resources.folder("firmware_templates")]
    for root in folders if not rooms else [_PACKAGE]:
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            if path.suffix not in (".py", ".c", ".h", ".j2", ".toml"):
                continue
            if rooms and name.parts[0].removesuffix(".py") not in rooms:
                continue
            digest.update(f"{name.as_posix()} {sha256_file(path)}".encode())
    return digest.hexdigest()
