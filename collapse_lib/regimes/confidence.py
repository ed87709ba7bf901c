"""Biases of a table that was fitted with a confidence-aware loss."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_not_negative, check_number
from collapse_lib.models.base import Fitted
from collapse_lib.regimes.draws import (
    Bias,
    probabilities,
    refuse,
    with_probabilities,
)
from collapse_lib.theory import confidence

Array = NDArray[np.float64]


class _Confidence(Bias):
    """Base of both: tables of probabilities, and those of the next symbol."""

    def __call__(self, fitted: Any) -> Fitted:
        """Return the generator that another loss would have made.

        Raises
        ------
        ValueError
            If the model is no table of probabilities.
        """
        if hasattr(fitted, "reweighted"):
            generator: Fitted = fitted.reweighted(self._law)
            return generator
        p = probabilities(fitted)
        if p is None:
            refuse(
                fitted,
                self,
                "changes the probabilities of states, as models.Categorical(n) and "
                "models.NGram have them. Language models are trained with this loss: "
                "models.Transformer(truncate=...)",
            )
        return with_probabilities(fitted, self._law(p))

    @abstractmethod
    def _law(self, q: Array) -> Array:
        """Return the distribution that frequencies ``(..., n_states)`` lead to."""


@dataclass(frozen=True)
class Truncated(_Confidence):
    r"""What a table fitted with truncated cross-entropy emits.

    Nothing is learnt from points to which the model gives more than :math:`\gamma`, so
    that no state becomes more probable than that:
    :math:`p_i = \min(q_i/Z, \gamma)` (`theory.confidence.truncated`).

    Parameters
    ----------
    gamma
        :math:`\gamma`, above 0 and up to 1; 1 changes nothing.

    Raises
    ------
    ValueError
        If it is another number.

    Notes
    -----
    Source of the loss: Shabgahi et al. (2025). As the fit is a table, training to the
    end and changing the table are the same; measures see the fit itself. For n-gram
    models it is the law of each next symbol that is changed.

    Examples
    --------
    >>> from collapse_lib import models
    >>> Truncated(0.5)(models.FittedCategorical.of([0.7, 0.2, 0.1])).p.round(3)
    array([[0.5  , 0.333, 0.167]])
    """

    gamma: float

    def __post_init__(self) -> None:
        """Check the confidence."""
        check_number("gamma", self.gamma, above=0, most=1)

    def _law(self, q: Array) -> Array:
        return confidence.truncated(q, self.gamma)


@dataclass(frozen=True)
class Focal(_Confidence):
    r"""What a table fitted with the focal loss :math:`-(1-p)^s \log p` emits.

    Parameters
    ----------
    strength
        :math:`s \ge 0`; 0 changes nothing.

    Raises
    ------
    ValueError
        If it is negative or not finite.

    Notes
    -----
    The law is `theory.confidence.focal`; source of the loss: Lin et al. (2017). For
    n-gram models, see `Truncated`.

    Examples
    --------
    >>> from collapse_lib import models
    >>> Focal(2)(models.FittedCategorical.of([0.7, 0.2, 0.1])).p.round(3)
    array([[0.535, 0.293, 0.172]])
    """

    strength: float

    def __post_init__(self) -> None:
        """Check the strength."""
        check_not_negative("strength", self.strength)

    def _law(self, q: Array) -> Array:
        return confidence.focal(q, self.strength)
