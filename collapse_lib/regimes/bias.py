"""What changes the generator before it is sampled from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collapse_lib.checks import check_not_negative, given
from collapse_lib.models.base import Fitted


@dataclass(frozen=True)
class Temperature:
    r"""Sample from the density raised to the power :math:`1/T`.

    Below 1 the generator is *biased* towards what it finds likely; for a Gaussian this
    scales the variance by :math:`T`, which is the :math:`\lambda` of MAD
    (Alemohammad et al. 2024).

    Raises
    ------
    ValueError
        If the temperature is negative or not finite.
    """

    value: float

    def __post_init__(self) -> None:
        """Check the temperature."""
        check_not_negative("temperature", self.value)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the tempered generator."""
        if not hasattr(fitted, "temper"):
            raise ValueError(
                f"fitted is {given(fitted)} without a method temper(temperature); give "
                "it one, or use a regime without bias"
            )
        tempered: Fitted = fitted.temper(self.value)
        return tempered
