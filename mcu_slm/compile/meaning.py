"""The holes of the templates `model/*.j2` about what goes in and what comes out means."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.answers import INT8_CODES, NEVER, TASKS, Answer, answer_of
from mcu_slm.compile import names
from mcu_slm.counts import CountQuantizer, count_normalisation
from mcu_slm.ir import Graph
from mcu_slm.metadata import ModelInfo, read_info


@dataclass(frozen=True)
class AnswerText:
    """What the output means; `task` is empty where the model does not say.

    `unit` is the inside of a C string; `alarm` says in a comment from which code on there is one.
    """

    task: str = ""
    number: int = 0
    unit: str = ""
    zero_point: int = 0
    multiplier: int = 0
    half: int = 0
    shift: int = 0
    tokens: int = 0
    samples_per_token: int = 0
    low: int = 0
    high: int = 0
    threshold_milli: int = 0
    alarm_code: int = NEVER
    alarm: str = ""


@dataclass(frozen=True)
class ChannelText:
    """The constants of one channel; `comment` says what a count is."""

    multiplier: int
    shift: int
    addend: int
    comment: str


@dataclass(frozen=True)
class CountsText:
    """How raw counts become the input; no channels where the model does not say."""

    counts: int = 0
    channels: tuple[ChannelText, ...] = ()


def answer_text(graph: Graph) -> AnswerText:
    """Return what a model's output means."""
    answer = answer_of(graph)
    if answer is None:
        return AnswerText()
    constants = answer.thousandths
    return AnswerText(
        task=answer.task,
        number=TASKS.index(answer.task),
        unit=names.c_string(answer.unit),
        zero_point=constants.zero_point,
        multiplier=constants.multiplier,
        half=constants.half,
        shift=constants.shift,
        tokens=answer.tokens,
        samples_per_token=answer.samples_per_token,
        low=answer.low or 0,
        high=answer.high or 0,
        threshold_milli=answer.threshold_milli,
        alarm_code=answer.alarm_code,
        alarm=_alarm(answer),
    )


def _alarm(answer: Answer) -> str:
    """Say from which code on there is an alarm."""
    if answer.threshold is None:
        return ""
    if answer.alarm_code > max(INT8_CODES):
        return f"no code lies above the threshold {answer.threshold!r}: there is never an alarm"
    milli = int(answer.values(answer.alarm_code))
    return (
        f"the smallest code above the threshold {answer.threshold!r} is {answer.alarm_code}, "
        f"{milli} thousandths"
    )


def counts_text(graph: Graph) -> CountsText:
    """Return how a model's input is made of raw counts."""
    quantizer = count_quantizer_of(graph)
    if quantizer is None:
        return CountsText()
    info = read_info(graph.metadata)
    constants = zip(quantizer.multipliers, quantizer.shifts, quantizer.addends, strict=True)
    channels = [
        ChannelText(*numbers, _channel(info, index)) for index, numbers in enumerate(constants)
    ]
    return CountsText(graph.tensor(graph.inputs[0]).element_count, tuple(channels))


def count_quantizer_of(graph: Graph) -> CountQuantizer | None:
    """Return the constants of a model whose one int8 input is samples of the channels it names."""
    info = read_info(graph.metadata)
    tensor = graph.tensor(graph.inputs[0])
    quantization = tensor.quantization
    if len(graph.inputs) != 1 or tensor.dtype != "int8" or quantization is None:
        return None
    channels = len(info.channels)
    if not channels or not tensor.shape or tensor.shape[-1] != channels:
        return None
    normalisation = count_normalisation(info.mean, info.std, info.channel_scales, channels)
    if normalisation is None:
        return None
    return normalisation.quantizer(quantization.scale, quantization.zero_point)


def _channel(info: ModelInfo, index: int) -> str:
    unit = info.units[index] if index < len(info.units) else ""
    text = f"{info.channels[index]}: one count is {info.channel_scales[index]!r} {unit}"
    return names.comment_safe(text.strip())
