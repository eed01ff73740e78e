"""Says how a network is trained, and how a machine computes it."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from skipscope.spec.values import Frozen

Precision = Literal["fp32", "bf16", "fp16"]
"""fp16 is trained with a scaled loss, and is tried by itself on accelerators only."""
MemoryFormat = Literal["contiguous", "channels_last"]
Kernels = Literal["stock", "fast", "winograd", "winograd_any", "graphs"]
"""Torch's operators; some replaced by `kernels/fast.py`; more by `kernels/winograd.py`, and for any number of
channels; torch's, recorded and replayed on a CUDA device (`training/graphs.py`)."""


class Backend(Frozen):
    """Says how a machine computes: the part of a recipe that may be `auto`, chosen by measurement."""

    precision: Precision
    memory_format: MemoryFormat
    kernels: Kernels
    threads: int = Field(ge=1, description="sums are taken in another order by another number of them")

    def __str__(self) -> str:
        """Describes it for people."""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.precision}, {self.memory_format}, {self.kernels} kernels, {threads}"


class Recipe(Frozen):
    """Says how a network is trained. One recipe serves all arms of a study unless an arm says otherwise."""

    # strict: true and "3" are no numbers; 1 is one with a point, too
    model_config = ConfigDict(allow_inf_nan=False, strict=True)

    epochs: int = Field(5, ge=1, le=1_000_000)
    batch_size: int = Field(128, ge=1, le=1_000_000)
    learning_rate: float = Field(0.05, gt=0, description="the peak, reached after the warm-up")
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(
        5e-4, ge=0, description="on matrices and kernels only, never on biases or BatchNorm"
    )
    warmup_epochs: float = Field(1.0, ge=0, description="linear from 0; then half a cosine down to 0")
    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (),
        strict=False,  # brackets make a list
        description="shares of training at which the rate is divided by 10, in place of the cosine",
    )
    clip_norm: float | None = Field(None, gt=0, description="the gradient's L2 norm is cut down to this")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    augmentation: Literal["none", "flip", "crop_flip"] = "crop_flip"
    precision: Literal["auto", Precision] = "auto"
    memory_format: Literal["auto", MemoryFormat] = "auto"
    kernels: Literal["auto", Kernels] = "auto"
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=10_000)] = "auto"

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov = true needs a momentum above 0")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones come one after another")
        return self

    def backend(self, auto: Backend) -> Backend:
        """Returns the recipe's backend, with values of `auto` where the recipe says "auto"."""
        mine = {key: value for key in Backend.model_fields if (value := getattr(self, key)) != "auto"}
        return auto.model_copy(update=mine)

    def resolved(self, auto: Backend) -> Self:
        """Returns the recipe with nothing left to choose."""
        return self.model_copy(update=self.backend(auto).model_dump())


ADDED_LATER = ("milestones",)
"""Keys of a recipe that older runs lack: their defaults are left out of a run's hash."""
