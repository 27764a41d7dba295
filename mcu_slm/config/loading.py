"""Read a project file; say in one error what is wrong with it, field by field."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mcu_slm.config.project import Project
from mcu_slm.errors import ConfigError

_TAG_FIELDS = {"data": "format", "task": "kind", "model": "family"}
"""Sections of which there are several kinds, and the key that says which one is meant."""
_MAX_SHOWN = 60
_PLAIN_WORDS = {
    "a valid tuple": "a list in brackets",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "text in quotes",
    "a valid boolean": "true or false",
    "a valid dictionary": "a table of keys",
}


def load_project(path: Path) -> Project:
    """Read and check a project file.

    Raises:
        ConfigError: it is missing, is not TOML, or says something impossible; lists all problems.
    """
    path = Path(path)
    if path.is_dir():
        path /= "mcu_slm.toml"
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            str(path), "no such file", "a project file", "Write one, or give its path."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            path.name, f"byte {error.start} is not UTF-8", remedy="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read ({error.strerror or error})", "a readable file"
        ) from None
    return parse_project(text, path)


def parse_project(text: str, path: Path) -> Project:
    """Check the text of a project file; `path` is named in errors and anchors relative paths.

    Raises:
        ConfigError: as for `load_project`.
    """
    content = _parse_toml(text, path.name)
    try:
        project = Project.model_validate(content)
    except ValidationError as error:
        raise _config_error(error, path.name) from None
    project._path = path.absolute()
    return project


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the project file, for editors."""
    schema = Project.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "mcu_slm.toml",
    }


def _parse_toml(text: str, file_name: str) -> dict[str, Any]:
    """Return the tables of a TOML text."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", message)
        line, column = text.count("\n") + 1, len(text.rsplit("\n", 1)[-1]) + 1
        if place and place.group(1):
            line, column = int(place.group(1)), int(place.group(2))
        found = message[: place.start()] if place else message
        where = f"{file_name}: line {line}, column {column}"
        raise ConfigError(where, found, "TOML", line=line, column=column) from None
    except (ValueError, RecursionError) as error:
        # tomllib lets these through for integers of thousands of digits and for very deep nesting.
        raise ConfigError(file_name, f"cannot be read as TOML ({error})") from None


def _config_error(error: ValidationError, file_name: str) -> ConfigError:
    """Translate all of pydantic's complaints into one error."""
    problems: dict[str, tuple[str, str]] = {}
    for item in error.errors(include_url=False):
        field, found, expected = _describe(dict(item))
        if field in problems and problems[field][0] == found:
            # One complaint per alternative of a value that may be text or a number.
            expected = f"{problems[field][1]} or {expected}"
        problems[field] = (found, expected)
    fields = tuple(problems)
    if len(problems) == 1:
        found, expected = problems[fields[0]]
        where = f"{file_name}: {fields[0]}" if fields[0] else file_name
        return ConfigError(where, found, expected, fields=fields)
    lines = [
        f"  {field}: {found}" + (f"; expected {expected}" if expected else "")
        for field, (found, expected) in problems.items()
    ]
    return ConfigError(file_name, f"{len(lines)} problems:\n" + "\n".join(lines), fields=fields)


def _describe(item: dict[str, Any]) -> tuple[str, str, str]:
    """Return field path, what was found and what was expected of one complaint."""
    location, kind = tuple(item["loc"]), item["type"]
    field = _field_path(location)
    if kind == "extra_forbidden":
        return field, "unknown key", _suggestion(location)
    if kind == "missing":
        return field, "missing", _field_description(location)
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        tag_field, tags = _TAG_FIELDS[str(location[0])], tuple(_tagged_models(location[0]))
        found, expected = "missing", "one of " + ", ".join(tags)
        if kind == "union_tag_invalid":
            tag = item["ctx"]["tag"]
            found, expected = f"found {_shown(tag)}", _near(str(tag), tags)
        return f"{field}.{tag_field}", found, expected
    if kind == "value_error":
        return field, str(item["ctx"]["error"]), ""
    expected = re.sub(r"^(Input|Value|String|Tuple) should (be |have )?", "", item["msg"])
    if kind == "string_pattern_mismatch":
        expected = _field_description(location) or expected
    expected = _PLAIN_WORDS.get(expected, expected)
    return field, f"found {_shown(item['input'])}", expected


def _field_path(location: tuple[Any, ...]) -> str:
    """Return `data.channels[2]` for pydantic's location of a value.

    The location also names the chosen kind of a section and, behind a list index, the tried
    alternative: neither is written in the file.
    """
    text = ""
    for position, part in enumerate(location):
        if isinstance(part, int):
            return f"{text}[{part}]"
        if not (position == 1 and part in _tagged_models(location[0])):
            text += f".{part}" if text else str(part)
    return text


def _shown(value: Any) -> str:
    """Return a value as the project file would show it, cut to a readable length."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def _suggestion(location: tuple[Any, ...]) -> str:
    """Return what could have been meant by an unknown key."""
    section = _section(location[:-1])
    return _near(str(location[-1]), tuple(section.model_fields)) if section else ""


def _near(word: str, known: tuple[str, ...]) -> str:
    """Return the nearest of the known words, or all of them."""
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"{close[0]} (did you mean that?)"
    return "one of " + ", ".join(known)


def _field_description(location: tuple[Any, ...]) -> str:
    """Return the description of a field, as a phrase."""
    section = _section(location[:-1])
    if section is None or location[-1] not in section.model_fields:
        return ""
    text = section.model_fields[str(location[-1])].description or ""
    phrase = " ".join(text.split()).rstrip(".")
    return phrase[:1].lower() + phrase[1:]


def _section(location: tuple[Any, ...]) -> type[BaseModel] | None:
    """Return the model at a location, following union tags and optional sections."""
    current: type[BaseModel] = Project
    for position, part in enumerate(location):
        tagged = _tagged_models(location[0])
        if position == 1 and part in tagged:
            current = tagged[part]
            continue
        info = current.model_fields.get(str(part))
        if info is None:
            return None
        nested = _models_in(info.annotation)
        if len(nested) == 1:
            current = nested[0]
        elif not nested:
            return None
    return current


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the model classes inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _tagged_models(section: Any) -> dict[str, type[BaseModel]]:
    """Return the models of a section by tag; none for a section of which there is one kind."""
    tag_field = _TAG_FIELDS.get(str(section))
    if tag_field is None or section not in Project.model_fields:
        return {}
    models = _models_in(Project.model_fields[section].annotation)
    tags = {
        tag: model
        for model in models
        for tag in getattr(model.model_fields[tag_field].annotation, "__args__", ())
    }
    return tags if len(models) > 1 else {}
