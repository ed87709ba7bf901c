"""What changes the generator before it is sampled from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collapse_lib.checks import check_not_negative, given
from collapse_lib.models.base import Fitted
from collapse_lib.models.discrete import FittedCategorical
from collapse_lib.regimes.draws import probabilities, with_probabilities


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

    Notes
    -----
    A fitted model says itself what this is, by a method ``temper``: another model of
    its kind, or a generator that is sampled from exactly, as for a mixture, whose
    density to a power is no mixture (`TemperedMixture`). Language models temper each
    next token instead of whole texts. Where a model has no such method but
    probabilities of its states, they are raised to the power. Whatever happens in the
    loop, one temperature repeated leaves one outcome (below 1) or all alike (above),
    unless data from outside come in (Marchi et al. 2024).
    """

    value: float

    def __post_init__(self) -> None:
        """Check the temperature."""
        check_not_negative("temperature", self.value)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the tempered generator.

        Raises
        ------
        ValueError
            If the model can be tempered in neither way.
        """
        if not hasattr(fitted, "temper"):
            if (p := probabilities(fitted)) is not None:
                tempered = FittedCategorical(p).temper(self.value)
                return with_probabilities(fitted, tempered.p)
            raise ValueError(
                f"fitted is {given(fitted)} without a method temper(temperature); give "
                "it one, or use a regime without bias"
            )
        generator: Fitted = fitted.temper(self.value)
        return generator
