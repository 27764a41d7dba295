"""Find the files of a source, and turn whatever a foreign parser throws into one `DataError`."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mcu_slm.config import FileOrigin
from mcu_slm.errors import DataError, McuSlmError


def find_files(patterns: Sequence[str], project_dir: Path, field: str) -> list[Path]:
    """Return the files that match the globs, sorted and each once.

    Raises:
        DataError: a glob matches no file.
    """
    found: set[Path] = set()
    for pattern in patterns:
        with reading(f"data.{field}: {pattern!r}"):
            # Path.glob takes no absolute pattern, and projects point at data elsewhere.
            matches = glob.glob(pattern, root_dir=project_dir, recursive=True)  # noqa: PTH207
            files = [path for match in matches if (path := project_dir / match).is_file()]
        if not files:
            raise DataError(
                f"data.{field}",
                f"no file matches {pattern!r}",
                f"files below {project_dir}",
                "Paths are relative to the project file.",
            )
        found.update(files)
    return sorted(found)


def display_name(path: Path, project_dir: Path) -> str:
    """Return the path as messages and `Windows.source` show it."""
    return (path.relative_to(project_dir) if path.is_relative_to(project_dir) else path).as_posix()


@contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn any foreign exception into a `DataError` that names `place`.

    Files come from strangers, and the parsers below us (zipfile, zlib, NumPy, Arrow, aeon) do not
    say what they raise on broken bytes; hence every `Exception`, here and only here.
    """
    try:
        yield
    except McuSlmError:
        raise
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise DataError(
            place, f"cannot be read ({first_line})", remedy="The file may be damaged or cut short."
        ) from error


def origin_text(origin: FileOrigin, name: str, field: str) -> str:
    """Return the label or group that is written in a file's path.

    Raises:
        DataError: the path does not match, or has too few folders.
    """
    if origin.file_name is not None:
        match = re.search(origin.file_name, name)
        if match is None or not match.group(1):
            raise DataError(
                name,
                "the file's name gives no value",
                f"a match of data.{field}.file_name = {origin.file_name!r}",
                "Change the expression, or the globs in data.files.",
            )
        return match.group(1)
    folders = Path(name).parts[:-1]
    depth = origin.folder or 1
    if len(folders) < depth:
        raise DataError(
            name, f"has {len(folders)} folders above it", f"data.{field}.folder = {depth}"
        )
    return folders[-depth]
