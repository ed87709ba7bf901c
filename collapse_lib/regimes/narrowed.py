"""Biases that change the parameters of the generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_not_negative, check_number, given
from collapse_lib.models.base import Fitted
from collapse_lib.regimes.draws import (
    Bias,
    names_of_fields,
    probabilities,
    refuse,
    with_probabilities,
)

#: Fields that hold the width of a normal distribution, and how they go with variance.
WIDTHS = {"sigma": 0.5, "sigma0": 0.5, "factor": 0.5, "widths": 0.5, "covariances": 1.0}
#: Fields that can be moved, if nobody names others.
MOVABLE = ("p", "mu", "mean", "means", "coef", "weights", *WIDTHS)
# Sums of probabilities are off by so much.
ROUNDING = 1e-12


@dataclass(frozen=True)
class TopP(Bias):
    r"""Draw from the most probable states only: nucleus sampling.

    .. math::
        q_i = \frac{p_i\,[i \in V]}{\sum_{j \in V} p_j}

    where :math:`V` is the smallest set of most probable states with
    :math:`\sum_{i \in V} p_i \ge m`. Of equally probable states those with the lower
    number come first.

    Parameters
    ----------
    mass
        The mass :math:`m`, above 0 and up to 1; 1 changes nothing.

    Raises
    ------
    ValueError
        If it is another number.

    Notes
    -----
    Exact, for models with probabilities ``p`` of their states: `Categorical`,
    `RidgeDensity`. Language models cut off the tail of each next token instead: n-gram
    models here, for transformers see `Ancestral`. Source: Holtzman et al. (2020); as a
    cut tail, Dohmatob et al. (2024).

    Examples
    --------
    >>> from collapse_lib import models
    >>> TopP(0.7)(models.FittedCategorical.of([0.2, 0.5, 0.3])).p
    array([[0.   , 0.625, 0.375]])
    """

    mass: float

    def __post_init__(self) -> None:
        """Check the mass."""
        check_number("mass", self.mass, above=0, most=1)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the generator without its tail.

        Raises
        ------
        ValueError
            If it has no probabilities ``p``.
        """
        if hasattr(fitted, "cut"):
            generator: Fitted = fitted.cut(top_p=self.mass)
            return generator
        p = probabilities(fitted)
        if p is None:
            refuse(
                fitted,
                self,
                "needs the probabilities p of states, as models.Categorical(n) has. "
                "Decoders of language models have top_p",
            )
        order = np.argsort(-p, axis=1, kind="stable")
        ordered = np.take_along_axis(p, order, axis=1)
        before = np.cumsum(ordered, axis=1) - ordered
        nucleus = (before < self.mass - ROUNDING) | (self.mass == 1)
        nucleus[:, 0] = True  # also where the mass is less than rounding
        cut = np.zeros_like(p)
        np.put_along_axis(cut, order, np.where(nucleus, ordered, 0), axis=1)
        return with_probabilities(fitted, cut / cut.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Lambda(Bias):
    r"""Scale the variances of what is drawn: the sampling bias of MAD.

    A Gaussian emits :math:`N(\mu, \lambda\Sigma)`; a mixture emits each of its
    components so, :math:`\sum_j w_j\,N(\mu_j, \lambda\Sigma_j)`, and keeps their
    weights. For one Gaussian this is `Temperature`; a mixture's density raised to a
    power is no mixture.

    Parameters
    ----------
    value
        :math:`\lambda \ge 0`: 1 is no bias, 0 leaves the modes; above 1 spreads.

    Raises
    ------
    ValueError
        If it is negative or not finite.

    Notes
    -----
    Source: Alemohammad et al. (2024), section 3.1.

    Examples
    --------
    >>> from collapse_lib import models
    >>> Lambda(0.25)(models.FittedGaussian.standard()).sigma
    array([0.5])
    """

    value: float

    def __post_init__(self) -> None:
        """Check the value."""
        check_not_negative("value of Lambda", self.value)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the generator with other variances.

        Raises
        ------
        ValueError
            If it is neither a Gaussian nor a mixture of them.
        """
        fields = names_of_fields(fitted)
        if "mixture" in fields:
            return _changed(fitted, mixture=self(fitted.mixture))
        widths = [name for name in WIDTHS if name in fields]
        if not widths:
            refuse(
                fitted,
                self,
                "scales the variances of Gaussians and of mixtures of them",
            )
        scaled = {
            name: getattr(fitted, name) * self.value ** WIDTHS[name] for name in widths
        }
        return _changed(fitted, **scaled)


@dataclass(frozen=True)
class Corrected(Bias):
    r"""Move the parameters towards those of an oracle: idealised self-correction.

    .. math::
        \theta' = \frac{\theta + g\,\theta^*}{1 + g}

    Parameters
    ----------
    oracle
        A fitted model with the parameters :math:`\theta^*`: of one chain, or of as many
        as are corrected.
    strength
        The strength :math:`g \ge 0`; 0 is no correction.
    names
        Which fields are moved; default: all means, widths, weights and probabilities
        that both have.

    Raises
    ------
    ValueError
        If the oracle has no such fields, or the strength is negative.

    Notes
    -----
    Source: Gillman et al. (2024). It puts knowledge of the truth into the loop, as
    fresh real data do. Components of two mixtures are moved towards each other in the
    order in which they stand.

    Examples
    --------
    >>> import numpy as np
    >>> from collapse_lib import models
    >>> truth = models.FittedGaussian.standard()
    >>> fitted = models.FittedGaussian(np.array([1.0]), np.array([3.0]))
    >>> Corrected(truth, 1.0)(fitted).mu
    array([0.5])
    """

    oracle: Any
    strength: float
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check the oracle, the strength and the names."""
        check_not_negative("strength", self.strength)
        names = _checked_names(self.names, "oracle", self.oracle)
        object.__setattr__(self, "names", names)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the corrected generator.

        Raises
        ------
        ValueError
            If it lacks a field, or the oracle's has another shape.
        """
        moved = {
            name: (one + self.strength * other) / (1 + self.strength)
            for name, one, other in _pairs(self, fitted, "oracle", self.oracle)
        }
        return _changed(fitted, **moved)


@dataclass(frozen=True)
class Extrapolated(Bias):
    r"""Move the parameters away from what training on its own output makes of a model.

    .. math::
        \theta' = \theta_\text{base} - \eta\,(\theta - \theta_\text{base})

    where :math:`\theta` is the model fitted to what the base model wrote.

    Parameters
    ----------
    base
        The model before, of one chain or of as many as are moved.
    eta
        How far, :math:`\eta \ge 0`; 0 gives the base model back.
    names
        Which fields are moved; default: all means, widths, weights and probabilities
        that both have.

    Raises
    ------
    ValueError
        If the base has no such fields, or ``eta`` is negative; in a run, if a
        parameter is carried out of its range.

    Notes
    -----
    Source: Alemohammad et al. (2025), "Neon". Probabilities below 0 become 0, and the
    others are divided by their sum. Where the base model is right and what it writes
    has :math:`\lambda` times its variance, a width fitted to many points is
    :math:`\sqrt\lambda` of its own, and the extrapolated model, which writes with the
    same bias, has the right variance if and only if :math:`\eta = \lambda^{-1/2}`
    (derived here): as long as there is a bias, what training on own output does to a
    model says how to undo it, without any real data.

    Examples
    --------
    >>> import numpy as np
    >>> from collapse_lib import models
    >>> base = models.FittedGaussian.standard()
    >>> narrow = models.FittedGaussian(np.array([0.0]), np.array([0.8]))
    >>> (Extrapolated(base, 1 / 0.8)(narrow).sigma * 0.8).round(12)
    array([1.])
    """

    base: Any
    eta: float
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check the base, how far and the names."""
        check_not_negative("eta", self.eta)
        names = _checked_names(self.names, "base", self.base)
        object.__setattr__(self, "names", names)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the extrapolated generator.

        Raises
        ------
        ValueError
            If it lacks a field, the base's has another shape, or a parameter would be
            out of its range.
        """
        moved = {}
        for name, one, base in _pairs(self, fitted, "base", self.base):
            moved[name] = (base - self.eta * (one - base)).astype(one.dtype)
            if name == "p" or (
                name == "weights" and "means" in names_of_fields(fitted)
            ):
                moved[name] = np.maximum(moved[name], 0)
                moved[name] /= moved[name].sum(axis=1, keepdims=True)
            elif name in WIDTHS and name != "factor" and name != "covariances":
                if (least := moved[name].min()) < 0:
                    raise ValueError(
                        f"eta is {self.eta:g}, which takes {name} to {least:g} in at "
                        "least one chain; it must be smaller"
                    )
        return _changed(fitted, **moved)


def _checked_names(names: Any, who: str, other: Any) -> tuple[str, ...] | None:
    """Return the names of fields of a model, or None for all that can be moved."""
    have = _arrays(other)
    if not set(have) & set(MOVABLE if names is None else have):
        raise ValueError(
            f"{who} is {given(other)}; it must be a fitted model whose parameters are "
            "arrays, for example models.FittedGaussian.standard()"
        )
    if names is None:
        return None
    if not isinstance(names, (tuple, list)) or not names:
        raise ValueError(
            f"names is {given(names)}; it must be a tuple of fields of the {who}: "
            f"{', '.join(have)}; or None for all parameters"
        )
    for name in names:
        if not isinstance(name, str) or name not in have:
            raise ValueError(
                f"names holds {given(name)}; the {who} has {', '.join(have)}"
            )
    return tuple(names)


def _pairs(
    policy: Corrected | Extrapolated, fitted: Any, who: str, other: Any
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Yield the name of each field that is moved, and what both models have there.

    Raises
    ------
    ValueError
        If the fitted model lacks a field, or the other one's has another shape.
    """
    ours, theirs = _arrays(fitted), _arrays(other)
    known = [name for name in MOVABLE if name in ours and name in theirs]
    names = known if policy.names is None else policy.names
    lacking = [name for name in names if name not in ours]
    if lacking or not names:
        fields = ", ".join(lacking or (n for n in MOVABLE if n in theirs))
        wanted = f"moves {fields}, which the {who} has and it has not"
        refuse(fitted, policy, wanted)
    for name in names:
        one, two = ours[name], theirs[name]
        if one.shape[1:] != two.shape[1:] or len(two) not in (1, len(one)):
            raise ValueError(
                f"{name} of fitted has shape {one.shape}, that of the {who} "
                f"{two.shape}; needed are the same, or one chain of the {who}"
            )
        yield name, one, two


def _arrays(fitted: Any) -> dict[str, NDArray[Any]]:
    """Return name -> array of floating-point numbers, chains first."""
    values = {name: getattr(fitted, name) for name in names_of_fields(fitted)}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind == "f"
    }


def _changed(fitted: Any, **fields: Any) -> Fitted:
    """Return a fitted model with other parameters."""
    changed: Fitted = dataclasses.replace(fitted, **fields)
    return changed
