"""Firmware projects: generated from templates, built with the compilers of `toolchain`.

clocks/           oscillator and wanted core clock -> PLL, dividers, wait states
contexts.py       one frozen dataclass per template
sampling_contexts.py, tool_contexts.py    those of sensors; those of CMake and editors
templates.py      render firmware_templates/
sensors.py        where windows come from; accelerometers.py and analog.py: what samples
known_answers.py  the vectors that the firmware checks at boot
generation.py     `generate`: write a project, never over the user's files
record.py         what a project records of its board and of its own files
forms.py          `generate_form`: the model as a library for other build systems
sbom.py           what a generated folder consists of, and its licences
tflm.py           projects around TensorFlow Lite Micro: its checkout, C++ flags
building.py       `build`: compile, link, check against the board's memories
build_result.py   what a build gave
call_graph.py     functions, frames and calls of a linked firmware
instructions.py   what one instruction does to control and stack
stack.py          the most stack that a function or the whole program takes
stack_budget.py   whether that fits
register_fields.py    fields of registers and their values, as C literals
elf.py            sections, symbols and image of a linked firmware
"""

from mcu_slm.firmware.build_result import BuildResult
from mcu_slm.firmware.building import build
from mcu_slm.firmware.elf import Section
from mcu_slm.firmware.forms import FORMS, SOURCE_FOLDER, GeneratedForm, generate_form
from mcu_slm.firmware.generation import FirmwareProject, generate
from mcu_slm.firmware.record import board_of_elf, edited_files, project_board, tool_files
from mcu_slm.firmware.sensors import SENSORS, SensorChoice, recorded_sensor
from mcu_slm.firmware.stack_budget import require_measured_stack
from mcu_slm.firmware.tflm import TflmTree, find_tflm, find_tflm_folder

__all__ = [
    "FORMS",
    "SENSORS",
    "SOURCE_FOLDER",
    "BuildResult",
    "FirmwareProject",
    "GeneratedForm",
    "Section",
    "SensorChoice",
    "TflmTree",
    "board_of_elf",
    "build",
    "edited_files",
    "find_tflm",
    "find_tflm_folder",
    "generate",
    "generate_form",
    "project_board",
    "recorded_sensor",
    "require_measured_stack",
    "tool_files",
]
