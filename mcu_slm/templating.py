"""Text templates that look like the C they make.

`%%` statements in column 0, `%#` comments, `[[ name ]]` holes.

`{{ }}` would clash with C initialisers. An undefined name is an error, blank lines and
the last newline of a template are kept.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any

import jinja2
from jinja2.ext import Extension

from mcu_slm import resources


class _KeepBlankLines(Extension):
    """Keeps the blank lines that follow a `%%` line; Jinja would take them for its end."""

    def preprocess(
        self,
        source: str,
        name: str | None,  # noqa: ARG002 - Jinja's interface
        filename: str | None = None,  # noqa: ARG002
    ) -> str:
        """Put an empty comment between such a line and the blank one."""
        return re.sub(r"^(%%.*\n)(?=\n)", r"\1[##]\n", source, flags=re.MULTILINE)


@functools.cache
def environment() -> jinja2.Environment:
    """Return the one Jinja environment.

    Templates are named by their path below `firmware_templates` or the kernels' folder.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([resources.folder("firmware_templates"), resources.KERNELS]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
        extensions=[_KeepBlankLines],
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        line_statement_prefix="%%",
        line_comment_prefix="%#",
    )


def render(template: str, values: Any, **others: object) -> str:
    """Fill a template with the fields of a frozen dataclass, and with what others are named.

    Raises:
        jinja2.UndefinedError: The template names something that the dataclass lacks: our bug.
    """
    fields = {field.name: getattr(values, field.name) for field in dataclasses.fields(values)}
    return environment().get_template(template).render(fields | others)
