"""The wire between host and board: frames, messages, and the host's side of the conversation.

The same bytes go to the board simulator, to QEMU and to silicon (docs/decisions/0001, "The wire").
Bytes from a serial port are untrusted: whatever is not a valid frame comes out as `Text`, and a
frame whose payload does not fit its type is a `DeviceError`.

    frames.py     COBS, CRC-32, `encode_frame`, `FrameDecoder`
    cursor.py     bounds-checked reading of a payload
    messages.py   message types, one frozen dataclass per answer and event
    starts.py     why a run began, and the fault that ended the one before
    results.py    what the model's answers mean, of the firmware's own telling
    client.py     `Client`: requests with time-outs and one retry, events
    playing.py    `play`: a recording to a firmware that samples its host
"""

from mcu_slm.protocol.client import Client, Event, SerialPort, firmware_fault, port_lost
from mcu_slm.protocol.frames import (
    Frame,
    FrameDecoder,
    Text,
    cobs_decode,
    cobs_encode,
    encode_frame,
    printable,
)
from mcu_slm.protocol.messages import (
    ANSWER_BIT,
    NO_VECTOR,
    PROTOCOL_VERSION,
    Boot,
    ClockState,
    DeviceErrorAnswer,
    ErrorCode,
    Hello,
    Inference,
    Info,
    MessageType,
    Prediction,
    SelfTest,
    Sensor,
    Stats,
)
from mcu_slm.protocol.playing import play
from mcu_slm.protocol.results import Meaning, Result, Task
from mcu_slm.protocol.starts import Fault, ResetCause, Start

__all__ = [
    "ANSWER_BIT",
    "NO_VECTOR",
    "PROTOCOL_VERSION",
    "Boot",
    "Client",
    "ClockState",
    "DeviceErrorAnswer",
    "ErrorCode",
    "Event",
    "Fault",
    "Frame",
    "FrameDecoder",
    "Hello",
    "Inference",
    "Info",
    "Meaning",
    "MessageType",
    "Prediction",
    "ResetCause",
    "Result",
    "SelfTest",
    "Sensor",
    "SerialPort",
    "Start",
    "Stats",
    "Task",
    "Text",
    "cobs_decode",
    "cobs_encode",
    "encode_frame",
    "firmware_fault",
    "play",
    "port_lost",
    "printable",
]
