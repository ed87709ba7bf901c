r"""What becomes of a linear regression that is refitted to its own labels.

Rows :math:`(x, y)` with :math:`x \sim N(0, I_d)` and
:math:`y = x^\top w + \sigma\varepsilon`. Least squares are fitted to ``n_samples`` rows
:math:`T`; the fit labels the next generation's points, and so on. The error is that on
new points without noise,

.. math:: E_t = E\,\|\hat w_t - w\|^2

after :math:`t` fits (``samplings``; the first is the fit to real rows). Labels may be
given at the same points in every generation (a fixed design) or at new ones.

The laws are exact for every ``T`` above :math:`d + 1` unless one says otherwise. Those
without ``n_samples`` are in units of the error of one fit, as in
`collapse_lib.theory.number_line`, and hold for :math:`T \gg d`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_switch,
    numbers,
    together,
)
from collapse_lib.theory.number_line import accumulate as on_the_line
from collapse_lib.theory.number_line import check_fits

Array = NDArray[np.float64]

#: How many fits a law is followed that has no closed form.
STEPS = 1_000_000
#: How finely a share from 0 to 1 is searched.
GRID = np.linspace(0, 1, 20_001)
#: Beyond, squares are no floats.
LARGEST_ROOT = 1e150


def one_fit(n_samples: int, dim: int, noise: float = 1.0) -> float:
    r"""Return the error of one fit to real rows, the unit of this module.

    .. math:: E_1 = \sigma^2\,E\,\mathrm{tr}\,(X^\top X)^{-1} = \frac{\sigma^2 d}{T-d-1}

    Parameters
    ----------
    n_samples
        Rows :math:`T`, more than :math:`d + 1`: below, the expectation is infinite.
    dim
        Dimension :math:`d`.
    noise
        Standard deviation :math:`\sigma` of labels.

    Raises
    ------
    ValueError
        If there are too few rows, or a number is out of range.

    Notes
    -----
    :math:`X^\top X` is a Wishart matrix with :math:`T` degrees of freedom; its inverse
    has the mean :math:`I/(T-d-1)`.

    Examples
    --------
    >>> round(one_fit(100, 10), 4)
    0.1124
    """
    check_count("dim", dim, least=1)
    rows = check_count("n_samples", n_samples, least=1)
    if rows <= dim + 1:
        raise ValueError(
            f"n_samples is {rows} and dim is {dim}; needed are more than dim + 1 rows, "
            "or the expected error is infinite"
        )
    return _rooted("noise", noise) ** 2 * dim / (rows - dim - 1)


def replace(
    samplings: ArrayLike,
    n_samples: int,
    dim: int,
    noise: float = 1.0,
    *,
    n_synthetic: int | None = None,
    noise_synthetic: float | None = None,
) -> Array:
    r"""Return the error when every fit sees the newest labels only.

    .. math:: E_t = \frac{\sigma^2 d}{T-d-1} + (t-1)\,\frac{\sigma_0^2 d}{T_0-d-1}

    which is :math:`t\,E_1` for equal sizes: at the same points in every generation or
    at new ones.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t \ge 1`; any shape.
    n_samples, dim, noise
        See `one_fit`.
    n_synthetic, noise_synthetic
        Rows :math:`T_0` and noise :math:`\sigma_0` of later generations, where they are
        others; these label new points.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The fit walks: :math:`\hat w_{t+1} = \hat w_t + X_t^+\varepsilon_t` with noise that
    depends on nothing before, also where :math:`X_t` is the same every time.
    Gerstgrasser et al. (2024) for equal sizes; with other sizes as in Dohmatob, Feng
    and Kempe (2024), derived here.

    Examples
    --------
    >>> replace([1, 10], 100, 10).round(4)
    array([0.1124, 1.1236])
    """
    first = one_fit(n_samples, dim, noise)
    rows = n_samples
    if n_synthetic is not None:
        rows = check_count("n_synthetic", n_synthetic, least=dim + 2)
    later = noise
    if noise_synthetic is not None:
        later = _rooted("noise_synthetic", noise_synthetic)
    fits = check_fits(samplings, STEPS, infinite=False)
    return np.asarray(first + (fits - 1) * one_fit(rows, dim, later))


def accumulate(
    samplings: ArrayLike,
    n_samples: int,
    dim: int,
    noise: float = 1.0,
    *,
    new_points: bool = False,
) -> Array:
    r"""Return the error when all rows are kept and every fit sees all of them.

    .. math::
        E_t = E_1 \sum_{i=1}^{t} \frac1{i^2} \quad\text{(same points)}, \qquad
        E_t = \sum_{i=1}^{t} \frac{\sigma^2 d}{i\,(iT-d-1)} \quad\text{(new points)}

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t` from 1 to a million; any shape.
    n_samples, dim, noise
        See `one_fit`.
    new_points
        Whether each generation labels new points, which is a little better.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Same points: the fit is the average of those to each generation's labels, so
    generation :math:`i` moves it by :math:`1/i` of a fit's error (Gerstgrasser et al.
    2024). New points: with :math:`S_i = X_i^\top X_i` the fit to all moves by
    :math:`(S_1 + \dots + S_i)^{-1} X_i^\top\varepsilon_i`; the :math:`S_j` are
    exchangeable, so that the mean square is one :math:`i`-th of
    :math:`\sigma^2 E\,\mathrm{tr}(S_1 + \dots + S_i)^{-1}`. Derived here.

    Examples
    --------
    >>> accumulate([1, 2, 20], 100, 10).round(4)
    array([0.1124, 0.1404, 0.1793])
    >>> accumulate([1, 2, 20], 100, 10, new_points=True).round(4)
    array([0.1124, 0.1388, 0.1743])
    """
    first = one_fit(n_samples, dim, noise)
    check_switch("new_points", new_points)
    fits = check_fits(samplings, STEPS, infinite=False)
    if not new_points:
        return np.asarray(first * on_the_line(fits))
    i = np.arange(1.0, int(fits.max()) + 1)
    path = np.cumsum(noise**2 * dim / (i * (i * n_samples - dim - 1)))
    return np.asarray(path[fits.astype(np.int64) - 1])


def edit(samplings: ArrayLike, share: ArrayLike, *, same: bool = False) -> Array:
    r"""Return the error, in fits, when a share of the labels is written anew.

    .. math::
        v_t = 1 + q(2-q)(t-1) \quad\text{(new places every time)}, \qquad
        v_\infty = \frac1{1-q} + \frac{q}{1-q^2} \quad\text{(the same places)}

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t` from 1, or ``np.inf``; any shape.
    share
        Share :math:`q` of edited labels, from 0 to 1; broadcast against ``samplings``.
    same
        Whether the same places are edited every time.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    For :math:`T \gg d`; `edit_at` is exact. With :math:`e` the errors of the labels,
    :math:`P` the projection on the design and :math:`M` the choice of places, an edit
    does :math:`e' = e + M(\varepsilon - (I-P)e)`. *New places:* on average over them
    :math:`X^+M(I-P)e = q X^+(I-P)e = 0`, so the fit walks; each step has variance
    :math:`q` for the new noise and :math:`q(1-q)` for the old residuals that are no
    longer there to cancel. *Same places:* the kept rows' fit error :math:`a` of
    variance :math:`1-q` stays, :math:`\delta' = a + q\delta + b` with :math:`b` of
    variance :math:`q`, so

    .. math:: v_t = (1-q)\Bigl(\frac{1-q^t}{1-q}\Bigr)^2 + q\,\frac{1-q^{2t}}{1-q^2}.

    In the end the edited rows say what the kept ones said. Derived here; the setting
    is Zhu et al. (2025), whose bound 2 for new places does not hold.

    Examples
    --------
    >>> edit([1, 2, 40], 0.1).round(2)
    array([1.  , 1.19, 8.41])
    >>> edit([2, 40, np.inf], 0.1, same=True).round(3)
    array([1.19 , 1.212, 1.212])
    """
    fits = numbers("samplings", samplings, least=1, infinite=True)
    q = numbers("share", share, least=0, most=1)
    check_switch("same", same)
    fits, q = together(samplings=fits, share=q)
    if same:
        return _same_places(q, fits)
    steps = np.where(q > 0, q * (2 - q), 1) * (fits - 1)  # 0 of infinitely many is 0
    return np.asarray(1 + np.where(q > 0, steps, 0))


def edit_at(
    design: ArrayLike, n_edited: int, samplings: int, *, same: bool = False
) -> Array:
    r"""Return the path of `edit` at a given design, exactly.

    Parameters
    ----------
    design
        The points :math:`X`, shape ``(T, d)``, of full rank.
    n_edited
        How many of the :math:`T` labels are edited each time.
    samplings
        How many fits.
    same
        Whether the same places are edited, the first ``n_edited`` rows; default: new
        ones every time, each choice as probable as any other.

    Returns
    -------
    ndarray
        :math:`v_1, v_2, \dots`, shape ``(samplings,)``: the expected squared error at
        the design's own points, :math:`E\|X(\hat w_t - w)\|^2/(\sigma^2 d)`. The mean
        over Gaussian designs is the ratio of the errors on new points as well, because
        there :math:`X(X^\top X)^{-1/2}` is independent of :math:`X^\top X`.

    Raises
    ------
    ValueError
        If an argument is out of range, or the design's columns depend on each other.

    Notes
    -----
    New places: with :math:`S = E\,rr^\top` for residuals :math:`r = (I-P)e` and
    :math:`h` the diagonal of :math:`P`, the error grows by
    :math:`q + q\frac{T-m}{T-1}\frac1d\sum_i h_i S_{ii}`, and
    :math:`S' = (I-P)\,E[(I-M)S(I-M) + M]\,(I-P)`. Same places: in the eigenvectors of
    :math:`W = (X^\top X)^{-1/2}X_m^\top X_m(X^\top X)^{-1/2}` every direction follows
    the law of `edit` with its eigenvalue as :math:`q`. Derived here.

    Examples
    --------
    >>> design = np.random.default_rng(0).standard_normal((60, 2))
    >>> edit_at(design, 30, 3).round(2)
    array([1.  , 1.74, 2.48])
    """
    x = numbers("design", design, ndim=2, shape="(T, d)")
    rows, dim = x.shape
    check_switch("same", same)
    edited = check_count("n_edited", n_edited, least=0, most=rows)
    fits = np.arange(1.0, check_count("samplings", samplings, least=1, most=STEPS) + 1)
    if rows < dim or np.linalg.matrix_rank(x) < dim:
        raise ValueError(
            f"design has shape {x.shape} and columns that depend on each other; "
            "needed are more rows, or fewer columns"
        )
    q_of_x = np.linalg.qr(x)[0]
    if same:
        part = q_of_x[:edited]
        values = np.linalg.eigvalsh(part.T @ part).clip(0, 1)
        return np.asarray(_same_places(values[:, None], fits).mean(axis=0))
    return _new_places(q_of_x, edited, len(fits))


def _new_places(basis: Array, edited: int, samplings: int) -> Array:
    """Return the exact path for an orthonormal basis of the design's columns."""
    rows, dim = basis.shape
    spread, path = np.eye(rows) - basis @ basis.T, np.ones(samplings)
    leverage = 1 - np.diag(spread)
    share, others = edited / rows, max(rows - 1, 1)
    both_kept = (1 - share) * (1 - edited / others)  # of two labels
    for t in range(1, samplings):
        gone = (leverage @ np.diag(spread)) / dim
        path[t] = path[t - 1] + share * (1 + (rows - edited) / others * gone)
        mixed = both_kept * spread
        diagonal = (1 - share) * np.diag(spread) + share
        np.fill_diagonal(mixed, diagonal)
        explained = mixed @ basis
        spread = mixed - basis @ explained.T - explained @ basis.T
        spread += basis @ (basis.T @ explained) @ basis.T
    return path


def _same_places(q: Array, fits: Array) -> Array:
    """Return the law of `edit` for the same places, where q = 1 is `replace`."""
    below = np.where(q < 1, q, 0.5)
    with np.errstate(invalid="ignore"):  # 0 to the power of infinity is 0
        old = (1 - below**fits) ** 2 / (1 - below)
        new = below * (1 - below ** (2 * fits)) / (1 - below**2)
    return np.where(q < 1, old + new, fits)


def ridge(
    samplings: ArrayLike, kept: ArrayLike, noise: ArrayLike, *, every: bool = False
) -> Array:
    r"""Return the risk of a ridge regression, in units of the signal :math:`\|w\|^2`.

    .. math::
        R_t = (1-s)^2 + s^2\,t\,b \quad\text{(the last fit only)}, \qquad
        R_t = (1-s^t)^2 + b\,s^2\,\frac{1-s^{2t}}{1-s^2} \quad\text{(every fit)}

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t` from 1; any shape.
    kept
        Share :math:`s = T/(T+\lambda)` of a coefficient that the penalty leaves, from 0
        to 1; broadcast against the others.
    noise
        Error of one fit over the signal, :math:`b = E_1/\|w\|^2`.
    every
        Whether every fit of the loop has the penalty; default: the last one, after
        plain least squares.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    Replaced data and :math:`X^\top X = T I`, or :math:`T \gg d`. Each penalised fit
    takes the share :math:`1-s` from what it is given. Derived here.

    Examples
    --------
    >>> ridge(8, [1.0, 0.5, 0.0], 0.1).round(3)
    array([0.8 , 0.45, 1.  ])
    >>> ridge(8, [1.0, 0.5, 0.0], 0.1, every=True).round(3)
    array([0.8  , 1.026, 1.   ])
    """
    check_switch("every", every)
    fits, s, b = together(
        samplings=check_fits(samplings, STEPS, infinite=False),
        kept=numbers("kept", kept, least=0, most=1),
        noise=numbers("noise", noise, least=0),
    )
    if not every:
        return np.asarray((1 - s) ** 2 + s**2 * fits * b)
    below = np.where(s < 1, s, 0.5)
    walked = below**2 * (1 - below ** (2 * fits)) / (1 - below**2)
    return np.asarray((1 - s**fits) ** 2 + b * np.where(s < 1, walked, fits))


def best_kept(samplings: int, noise: float, *, every: bool = False) -> float:
    r"""Return the share :math:`s` with the least risk in `ridge`.

    .. math:: s^* = \frac1{1 + tb}, \qquad \frac{\lambda^*}{T} = t\,b
              \quad\text{(the last fit only)}

    so the best penalty grows with the generation. Where every fit is penalised the
    share is searched on a grid; above `give_up_noise` it is 0.

    Parameters
    ----------
    samplings
        Number of fits :math:`t`.
    noise
        Error of one fit over the signal, :math:`b`.
    every
        Whether every fit has the penalty.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> round(best_kept(8, 0.1), 3), round(best_kept(8, 0.1, every=True), 3)
    (0.556, 0.942)
    >>> best_kept(8, 0.5, every=True)
    0.0
    """
    fits = check_count("samplings", samplings, least=1, most=STEPS)
    b = check_not_negative("noise", noise)
    check_switch("every", every)
    if not every:
        return 1 / (1 + fits * b)
    return float(GRID[ridge(fits, GRID, b, every=True).argmin()])


def give_up_noise(samplings: int) -> float:
    r"""Return the noise above which a penalty in every fit had best be infinite.

    .. math::
        b^* = \max_{0 < s < 1}\ (2s^{t-2} - s^{2t-2})\,\frac{1-s^2}{1-s^{2t}}

    For :math:`b > b^*` no share :math:`s > 0` has a risk below 1, that of answering 0.

    Parameters
    ----------
    samplings
        Number of fits :math:`t`, at least 2: one fit never gives up.

    Raises
    ------
    ValueError
        If it is another number.

    Notes
    -----
    The risk of `ridge` is 1 where :math:`b` is this expression of :math:`s`. Derived
    here.

    Examples
    --------
    >>> [round(give_up_noise(t), 3) for t in (2, 3, 8)]
    [2.0, 0.724, 0.198]
    """
    fits = check_count("samplings", samplings, least=2, most=STEPS)
    s = GRID[1:-1]
    return float(
        (
            (2 * s ** (fits - 2) - s ** (2 * fits - 2))
            * (1 - s**2)
            / (1 - s ** (2 * fits))
        ).max()
    )


def mixture(
    n_samples: int, n_synthetic: int, dim: int, *, noise: float, distance: float
) -> float:
    r"""Return the error of one fit where some labels come from another teacher.

    .. math::
        E = \frac{\sigma^2 d}{N-d-1}
          + \frac{c^2}{d}\,\frac{(N-1)\,A - B}{N-d-1}
        \;\longrightarrow\; p_2^2 c^2

    Of :math:`N` rows :math:`m = p_2N` are labelled by :math:`w + \delta`,
    :math:`\|\delta\|^2 = c^2`. The floor :math:`p_2^2c^2` does not fall with
    :math:`N`; about :math:`N = \sigma^2 d/(p_2^2c^2)` rows make it as large as the
    noise.

    Parameters
    ----------
    n_samples
        All rows :math:`N`, more than :math:`d + 1`.
    n_synthetic
        Rows :math:`m` of the other teacher.
    dim
        Dimension :math:`d`.
    noise
        Standard deviation :math:`\sigma` of all labels.
    distance
        :math:`c`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The bias is :math:`S^{-1}S_m\delta` with :math:`S = X^\top X`. With
    :math:`S_m = S^{1/2}WS^{1/2}`, :math:`W` is independent of :math:`S` and both have
    laws that rotations do not change. By the moments of :math:`S_{ij}(S^{-1})_{kl}`
    the mean square is the second term, where :math:`W` is the compression of a random
    projection :math:`P` of rank :math:`d` in :math:`N` dimensions to :math:`m`
    coordinates:

    .. math::
        A = E\,\mathrm{tr}\,W^2 = m\,E P_{ii}^2 + m(m-1)\,E P_{ij}^2, \qquad
        B = E\,(\mathrm{tr}\,W)^2 = m\,E P_{ii}^2 + m(m-1)\,E P_{ii}P_{jj},

    :math:`E P_{ii}^2 = \frac{d(d+2)}{N(N+2)}`,
    :math:`E P_{ij}^2 = \frac{d/N - E P_{ii}^2}{N-1}`,
    :math:`E P_{ii}P_{jj} = \frac{d^2/N - E P_{ii}^2}{N-1}`.

    The setting is Dohmatob et al. (2025), with many rows for each coefficient; the law
    is derived here.

    Examples
    --------
    >>> round(mixture(100_000, 10_000, 10, noise=0.3, distance=1.0), 4)
    0.01
    >>> round(mixture(100, 10, 10, noise=0.3, distance=1.0), 4)
    0.031
    """
    fitted = one_fit(n_samples, dim, noise)
    n, d = int(n_samples), int(dim)  # products of 32-bit numbers overflow
    m = check_count("n_synthetic", n_synthetic, least=0, most=n)
    c = _rooted("distance", distance)
    diagonal = d * (d + 2) / (n * (n + 2))
    pairs = m * (m - 1) / (n - 1)
    a = m * diagonal + pairs * (d / n - diagonal)
    b = m * diagonal + pairs * (d**2 / n - diagonal)
    return fitted + c**2 / d * ((n - 1) * a - b) / (n - d - 1)


def _rooted(name: str, value: float) -> float:
    """Return a number of at least 0 whose square is a float, else raise."""
    return check_number(name, value, least=0, most=LARGEST_ROOT)
