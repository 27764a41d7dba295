"""The element-wise part of `tests.models.every_operator`: one layer after another."""

from __future__ import annotations

from mcu_slm.ir import GraphBuilder


def elementwise_layers(b: GraphBuilder, x: int) -> int:
    """Return a tensor of the shape of `x`, at scale 0.03 and zero point 0, mostly unsaturated."""
    shape = b.shape(x)

    def then(op: str, source: int, scale: float, zero_point: int, **options: object) -> int:
        y = b.tensor(op.lower(), shape, scale=scale, zero_point=zero_point)
        b.node(op, [source], [y], **options)
        return y

    y = then("LEAKY_RELU", x, 0.03, -40, alpha=0.3)
    y = then("HARD_SWISH", y, 0.02, -90)
    y = then("QUANTIZE", y, 0.03, -60)
    y = then("ELU", y, 0.025, -70)
    y = then("TANH", y, 1 / 128, 0)
    y = then("ABS", y, 0.01, -100)
    y = then("RELU", y, 0.012, -110)
    y = then("RELU6", y, 0.012, -110)
    y = then("LOGISTIC", y, 1 / 256, -128)
    middle = b.tensor("middle", shape, scale=0.01, zero_point=-20)
    b.node("QUANTIZE", [y], [middle])
    return _two_operands(b, x, middle)


def _two_operands(b: GraphBuilder, x: int, y: int) -> int:
    """Return min(max(prelu(y, alpha), y), (x - y)^2) with x at scale 0.03 and zero point 0."""
    shape = b.shape(x)
    alpha = b.tensor("alpha", shape[-1:], scale=0.01, zero_point=7, data=range(-4, shape[-1] - 4))
    kept = {"scale": 0.03, "zero_point": 0}
    bent = b.tensor("bent", shape, **kept)
    b.node("PRELU", [y, alpha], [bent])
    larger = b.tensor("larger", shape, **kept)
    b.node("MAXIMUM", [bent, x], [larger])
    distance = b.tensor("distance", shape, **kept)
    b.node("SQUARED_DIFFERENCE", [x, y], [distance])
    smaller = b.tensor("smaller", shape, **kept)
    b.node("MINIMUM", [larger, distance], [smaller])
    return _left_shifts(b, smaller, bent)


def _left_shifts(b: GraphBuilder, x: int, y: int) -> int:
    """Return x, in a way that takes multipliers without a right shift; both are at scale 0.03."""
    shape, kept = b.shape(x), {"scale": 0.03, "zero_point": 0}
    one = b.tensor("one", (1,), scale=1.0, data=[1])
    same = b.tensor("same", shape, **kept)
    b.node("MUL", [x, one], [same], fused_activation_function="NONE")
    tiny = b.tensor("tiny", shape, scale=3e-7, zero_point=-128)
    b.node("SQUARED_DIFFERENCE", [x, y], [tiny])
    total = b.tensor("same_again", shape, **kept)
    b.node("ADD", [same, tiny], [total], fused_activation_function="NONE")
    return total
