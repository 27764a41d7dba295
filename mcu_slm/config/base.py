"""What all sections share: frozen, strict, no unknown keys; and the few value types with limits."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Section(BaseModel):
    """A table of the project file. TOML is typed, so `"3"` is not a number here."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def expand_environment(text: str) -> str:
    """Replace each `${NAME}` by that environment variable.

    Raises:
        ValueError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ValueError(f"the environment variable {name} is not set")
        return os.environ[name]

    return _VARIABLE.sub(value, text)


Count = Annotated[int, Field(gt=0, le=2**31 - 1)]
"""A whole number from 1."""

Size = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A whole number from 0."""

Small = Annotated[int, Field(ge=1, le=64)]
"""A whole number of layers or heads."""

Width = Annotated[int, Field(ge=1, le=1024)]
"""A whole number of features or neurons."""

Positive = Annotated[float, Field(gt=0)]
"""A number above zero."""

Share = Annotated[float, Field(gt=0, lt=1)]
"""A share strictly between 0 and 1."""

Probability = Annotated[float, Field(ge=0, le=1)]
"""A number from 0 to 1."""

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A short printable text: it ends up in C strings and in the model's metadata."""

Names = Annotated[tuple[Name, ...], Strict(False)]
"""A list of names (TOML has lists, a frozen model holds tuples)."""

Scales = Annotated[tuple[Positive, ...], Strict(False)]
"""A list of positive numbers."""

Labels = Annotated[tuple[Name | int, ...], Strict(False)]
"""A list of label or group values, as text or whole numbers."""

PathPattern = Annotated[str, Field(min_length=1), AfterValidator(expand_environment)]
"""A path or glob, relative to the project file, in which `${NAME}` is expanded."""

PathPatterns = Annotated[tuple[PathPattern, ...], Strict(False)]
"""A list of paths or globs."""
