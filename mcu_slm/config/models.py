"""`[model]`: the student, the network that goes onto the board. One model per `family`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Strict, Tag, model_validator

from mcu_slm.config.base import Count, Names, Positive, Section, Size, Small, Width

DEFAULT_FAMILY = "transformer"


class SensorModel(Section):
    """`[[model.sensors]]`: channels of one sensor, which get a first layer of their own."""

    channels: Annotated[Names, Field(min_length=1)]
    """Channels of the sensor, as in [data]; all sensors together name all channels in order."""
    every_samples: Count = 1
    """A slower sensor: only every n-th sample of its channels, which repeat their values in the
    recordings, is looked at."""


class BaseModel(Section):
    """What students of all families have."""

    sensors: Annotated[tuple[SensorModel, ...], Strict(False)] = ()
    """Sensors of different kinds or rates; without them all channels are one sensor."""

    input_limit: Positive | None = None
    """Values beyond so many standard deviations count as this limit, so that the 256 steps of the
    int8 input are left to the others: recordings much quieter than the loudest would have few of
    them. Without it the input reaches from the lowest training value to the highest."""

    max_parameters: Count | None = None
    """Refuse a student with more parameters than this."""

    def require_window(self, samples: int) -> None:
        """Raise ValueError if windows of so many samples are too short for the first layer."""


class TransformerModel(BaseModel):
    """Patch convolution, blocks of local self-attention and feed-forward layers, pooling."""

    family: Literal["transformer"] = "transformer"
    """Patch convolution, blocks of local self-attention and feed-forward layers, pooling."""
    width: Width = 32
    """Features of a token."""
    heads: Small = 4
    """Attention heads per block; they share the width equally."""
    blocks: Small = 2
    """Transformer blocks."""
    ffn_width: Width = 64
    """Neurons of the hidden feed-forward layer."""
    patch_samples: Count = 8
    """Samples that one token sees (kernel of the patch convolution)."""
    patch_stride_samples: Count = 4
    """Samples from one token to the next."""
    attention_window_tokens: Size = 8
    """Tokens that attend to one another; 0 for all. A nearby divisor is taken when the tokens of a
    window do not fill whole attention windows."""
    last_block_global: bool = True
    """Whether the tokens of the last block attend to all others, not only within their window."""

    @model_validator(mode="after")
    def _heads_share_width(self) -> Self:
        _require_shared_width(self.width, self.heads)
        return self

    def require_window(self, samples: int) -> None:
        """Raise ValueError if a patch or its stride is longer than the window."""
        if self.patch_samples > samples or self.patch_stride_samples >= samples:
            raise ValueError(
                f"model.patch_samples {self.patch_samples} and patch_stride_samples "
                f"{self.patch_stride_samples} do not fit data.window_samples {samples}"
            )


class TcnModel(BaseModel):
    """Dilated convolutions with residuals, separable or full, attention and mean pooling."""

    family: Literal["tcn"]
    """Dilated convolutions with residuals, separable or full, attention and mean pooling."""
    width: Width = 32
    """Channels of every layer."""
    blocks: Small = 5
    """Convolution blocks."""
    separable: bool = True
    """Whether a block convolves each channel by itself and then mixes the channels: parameters by
    the square of the width, and not kernel_tokens times as many. Otherwise one convolution sees all
    channels."""
    stem_samples: Count = 9
    """Samples that one token sees (kernel of the first convolution)."""
    stem_stride_samples: Count = 2
    """Samples from one token to the next."""
    kernel_tokens: Annotated[int, Field(ge=2, le=64)] = 7
    """Taps of the blocks' convolutions."""
    dilation_cycle: Annotated[int, Field(ge=1, le=12)] = 4
    """Blocks after which the dilation, which doubles from block to block, starts again at 1."""

    def require_window(self, samples: int) -> None:
        """Raise ValueError if the first convolution or its stride is longer than the window."""
        _require_stem_fits(self.stem_samples, self.stem_stride_samples, samples)


class BiLstmModel(BaseModel):
    """Strided convolution, recurrent layers forward and backward over the tokens, pooling."""

    family: Literal["bilstm"]
    """Strided convolution, recurrent layers forward and backward over the tokens, pooling."""
    units: Width = 16
    """Hidden units of a recurrent layer in each direction."""
    bidirectional: bool = True
    """Whether a second layer beside each reads the tokens from the last to the first."""
    layers: Annotated[int, Field(ge=1, le=4)] = 1
    """Recurrent layers, one behind the other."""
    mean_pooling: bool = False
    """Whether the mean of all tokens stands beside what attention pools of them."""
    stem_width: Width = 16
    """Features of a token: channels of the first convolution."""
    stem_samples: Count = 8
    """Samples that one token sees (kernel of the first convolution)."""
    stem_stride_samples: Count = 4
    """Samples from one token to the next; each token is a step of the recurrent layers."""

    def require_window(self, samples: int) -> None:
        """Raise ValueError if the first convolution or its stride is longer than the window."""
        _require_stem_fits(self.stem_samples, self.stem_stride_samples, samples)


class SpectralModel(BaseModel):
    """Filters of many frequencies on each channel, how loud each is, blocks as in tcn, pooling."""

    family: Literal["spectral"]
    """Filters of many frequencies on each channel, how loud each is, blocks as in tcn, pooling."""
    width: Width = 24
    """Features of a token."""
    blocks: Small = 2
    """Depthwise-separable blocks."""
    frequencies: Annotated[int, Field(ge=1, le=64)] = 10
    """Frequencies that the filters begin with, from the lowest that a filter's length holds; each
    has a cosine and a sine per gain. All channels share the filters, which are learned further."""
    gains: Annotated[tuple[Positive, ...], Strict(False), Field(min_length=1, max_length=8)] = (
        0.7,
        4.0,
        20.0,
    )
    """How much each filter amplifies before it saturates: a small gain tells loud from louder, a
    large one quiet from silent, which one int8 scale cannot."""
    loudness_features: Width = 12
    """What a token keeps of the loudness of one channel."""
    filter_samples: Annotated[int, Field(ge=4, le=1024)] = 32
    """Taps of a filter: the more, the finer the frequencies and the coarser the time."""
    filter_stride_samples: Count = 8
    """Samples from one token to the next."""
    kernel_tokens: Annotated[int, Field(ge=2, le=64)] = 3
    """Taps of the depthwise convolutions."""
    dilation_cycle: Annotated[int, Field(ge=1, le=12)] = 4
    """Blocks after which the dilation, which doubles from block to block, starts again at 1."""
    input_deviations: Positive = 3.0
    """Values further than so many of the channel's standard deviations from its mean saturate; the
    less, the finer the steps of the int8 input."""

    @model_validator(mode="after")
    def _deviations_are_the_limit(self) -> Self:
        if self.input_limit is not None:
            raise ValueError('family = "spectral" has input_deviations in place of input_limit')
        return self

    def require_window(self, samples: int) -> None:
        """Raise ValueError if the stride of the filters is longer than the window."""
        _require_stem_fits(1, self.filter_stride_samples, samples)


def _require_stem_fits(kernel: int, stride: int, samples: int) -> None:
    """Raise ValueError if a first convolution or its stride is longer than the window."""
    if kernel > samples or stride >= samples:
        raise ValueError(
            f"model.stem_samples {kernel} and stem_stride_samples {stride} do not fit "
            f"data.window_samples {samples}"
        )


class FilterbankModel(BaseModel):
    """A bank of filters, the strength of each band over the window, a hidden layer."""

    family: Literal["filterbank"]
    """A bank of filters, the strength of each band over the window, a hidden layer."""
    bands: Width = 24
    """Frequency bands, equally wide from 0 to half the sampling rate; two filters each."""
    hidden: Width = 32
    """Neurons of the hidden layer between bands and answer."""
    stem_samples: Count = 64
    """Taps of a filter: the more, the narrower its band."""
    stem_stride_samples: Count = 16
    """Samples from one look of the filters to the next."""

    def require_window(self, samples: int) -> None:
        """Raise ValueError if the filters or their stride are longer than the window."""
        _require_stem_fits(self.stem_samples, self.stem_stride_samples, samples)


class TrendModel(BaseModel):
    """The slow directions of all channels, where each goes over the window, hidden layers."""

    family: Literal["trend"]
    """The slow directions of all channels, where each goes over the window, hidden layers."""
    directions: Small = 2
    """Sums of the channels that are looked at. They begin as those that tell windows apart best for
    how much they change from sample to sample; more of them bring more noise."""
    degree: Annotated[int, Field(ge=0, le=8)] = 2
    """Each direction is followed by polynomials over the window up to this degree: 0 is its level,
    1 its slope, 2 its bend. They are learned further."""
    hidden: Width = 64
    """Neurons of a hidden layer."""
    layers: Annotated[int, Field(ge=1, le=4)] = 2
    """Hidden layers, one behind the other."""

    def require_window(self, samples: int) -> None:
        """Raise ValueError if a window is too short for the polynomials."""
        if self.degree >= samples:
            raise ValueError(
                f"model.degree {self.degree} needs more samples than data.window_samples {samples}"
            )


class TokenLmModel(BaseModel):
    """Samples become tokens; causal attention predicts the next one, or answers for the window."""

    family: Literal["token-lm"]
    """Samples become tokens; causal attention predicts the next one, or answers for the window."""
    width: Width = 16
    """Features of a token."""
    heads: Small = 2
    """Attention heads per block; they share the width equally."""
    blocks: Small = 2
    """Transformer blocks."""
    ffn_width: Width = 32
    """Neurons of the hidden feed-forward layer."""
    bins: Annotated[int, Field(ge=4, le=128)] = 32
    """Tokens of a channel; the first and the last one are for all values beyond the others."""
    binning: Literal["quantile", "uniform"] = "quantile"
    """quantile: bins hold equally many training samples; uniform: they are equally wide and reach
    beyond the training values by a quarter of their range on each side."""
    scored_samples: Count = 8
    """How many samples at the end of a window its surprise is about (task.kind = "anomaly")."""
    attention_window_tokens: Size = 0
    """Tokens that attend to one another; 0 for all. A smaller divisor is taken when the tokens of a
    window do not fill whole attention windows."""
    last_block_global: bool = True
    """Whether the tokens of the last block attend to all before them, not only in their window."""

    @model_validator(mode="after")
    def _heads_share_width(self) -> Self:
        _require_shared_width(self.width, self.heads)
        return self

    @model_validator(mode="after")
    def _bins_are_the_limits(self) -> Self:
        if self.input_limit is not None:
            raise ValueError(
                'input_limit means nothing for family = "token-lm", whose bins say what is beyond'
            )
        return self

    def require_window(self, samples: int) -> None:
        """Raise ValueError if nothing comes before the samples that are scored."""
        if self.scored_samples >= samples:
            raise ValueError(
                f"model.scored_samples {self.scored_samples} leave nothing before them in "
                f"data.window_samples {samples}"
            )


def _require_shared_width(width: int, heads: int) -> None:
    if width % heads:
        raise ValueError(f"width {width} cannot be shared equally by {heads} heads")


def _family(value: Any) -> str:
    """Return the family of a section, which may leave it out."""
    if isinstance(value, dict):
        return str(value.get("family", DEFAULT_FAMILY))
    return str(getattr(value, "family", DEFAULT_FAMILY))


ModelConfig: TypeAlias = Annotated[
    Annotated[TransformerModel, Tag("transformer")]
    | Annotated[TcnModel, Tag("tcn")]
    | Annotated[BiLstmModel, Tag("bilstm")]
    | Annotated[FilterbankModel, Tag("filterbank")]
    | Annotated[SpectralModel, Tag("spectral")]
    | Annotated[TrendModel, Tag("trend")]
    | Annotated[TokenLmModel, Tag("token-lm")],
    Discriminator(_family),
]
