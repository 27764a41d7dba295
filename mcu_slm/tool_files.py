"""The tool's own files in a generated folder: written, replaced, and spared where they were edited.

The hash of each file is recorded when it is written. A file that differs from its hash was edited
by somebody; one that has no hash was put there by somebody. Both are left alone, and named with
what was changed, until the user says that they may go. Nothing is written before that is known.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mcu_slm.errors import UsageError
from mcu_slm.files import sha256_bytes, sha256_file, write_atomic

_NAMED_FILES: Final = 8


def hashes_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file, by path."""
    return {path: sha256_bytes(files[path]) for path in sorted(files)}


def hashes_on_disk(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each file that is there, by path."""
    return {p: sha256_file(folder / p) for p in sorted(paths) if (folder / p).is_file()}


def changed_files(folder: Path, recorded: Mapping[str, str]) -> tuple[str, ...]:
    """Return the recorded files that are there and differ from what was written."""
    found = hashes_on_disk(folder, recorded)
    return tuple(path for path, digest in found.items() if digest != recorded[path])


def refuse_edited(folder: Path, files: Mapping[str, bytes], *known: Mapping[str, str]) -> None:
    """Refuse to write or remove files that somebody edited. Paths are relative to `folder`.

    Args:
        folder: Where the files lie.
        files: What will be written.
        known: Hashes of what was written before. More than one, where an earlier run was cut short
            and each file may be of one generation or the next.

    Raises:
        UsageError: Some were edited; `values["edited"]` names them, `values["diff"]` is the unified
            diff from what would be written to what is there.
    """
    accepted = (*known, hashes_of(files))
    found = hashes_on_disk(folder, {path for hashes in accepted for path in hashes})
    edited = [
        path
        for path, digest in found.items()
        if all(hashes.get(path) != digest for hashes in accepted)
    ]
    if edited:
        raise _edited_error(folder, edited, files)


def replace_files(folder: Path, files: Mapping[str, bytes], earlier: Iterable[str]) -> list[str]:
    """Write files, remove earlier ones that are no longer made; return what is new or changed."""
    changed = []
    for path, content in files.items():
        target = folder / path
        if not target.is_file() or target.read_bytes() != content:
            write_atomic(target, content)
            changed.append(path)
    for path in sorted(set(earlier) - set(files), reverse=True):
        target = folder / path
        target.unlink(missing_ok=True)
        for parent in target.parents:
            if parent == folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
    return changed


def _edited_error(folder: Path, edited: list[str], files: Mapping[str, bytes]) -> UsageError:
    shown = ", ".join(edited[:_NAMED_FILES])
    if len(edited) > _NAMED_FILES:
        shown += f" and {len(edited) - _NAMED_FILES} more"
    return UsageError(
        str(folder),
        f"generated files were edited: {shown}",
        "files as they were generated",
        "Nothing was written. To give up these edits, run again with --force; the diff can be "
        "applied afterwards.",
        edited=edited,
        diff="".join(_diff(path, files.get(path, b""), folder / path) for path in edited),
    )


def _diff(path: str, generated: bytes, found: Path) -> str:
    """Return a unified diff from the generated to the edited text, as `patch -p1` takes it."""
    old, new = (
        content.decode("utf-8", errors="replace").splitlines(keepends=True)
        for content in (generated, found.read_bytes())
    )
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
