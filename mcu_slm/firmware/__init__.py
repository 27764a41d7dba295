"""Firmware projects: generated from templates, built with the compilers of `toolchain`.

clock.py          crystal and wanted core clock -> PLL, dividers, wait states
contexts.py       one frozen dataclass per template
templates.py      render firmware_templates/
known_answers.py  the vectors that the firmware checks at boot
generation.py     `generate`: write a project, never over the user's files
building.py       `build`: compile, link, check against the board's memories
elf.py            sections, symbols and image of a linked firmware
"""

from mcu_slm.firmware.building import BuildResult, build
from mcu_slm.firmware.elf import Section
from mcu_slm.firmware.generation import FirmwareProject, generate, project_board

__all__ = ["BuildResult", "FirmwareProject", "Section", "build", "generate", "project_board"]
