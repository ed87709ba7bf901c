"""What data are worth that have passed a detector of synthetic points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import numbers, together

Array = NDArray[np.float64]


def worth_of_a_point(
    real_share: ArrayLike, sensitivity: ArrayLike, false_alarms: ArrayLike = 0.0
) -> Array:
    r"""Return how many known real points one filtered point is worth.

    .. math:: \frac{\alpha^2 (1 - f)^2}{\alpha (1 - f) + (1 - \alpha)(1 - s)}

    Parameters
    ----------
    real_share
        Share :math:`\alpha` of real points among all that come, from 0 to 1.
    sensitivity
        Share :math:`s` of the synthetic points that the detector finds.
    false_alarms
        Share :math:`f` of the real points that it takes for synthetic.

    Returns
    -------
    array
        Between :math:`\alpha^2`, if nothing is found, and :math:`\alpha`, if all is.

    Raises
    ------
    ValueError
        If an argument is no share.

    Notes
    -----
    Derived here; the two ends are those of Kanabar and Gastpar (2025). What is flagged
    is dropped. Of :math:`n` points :math:`N = n[\alpha(1-f) + (1-\alpha)(1-s)]` pass, a
    share :math:`a = n\alpha(1-f)/N` of them real. Their frequencies estimate
    :math:`ap + (1-a)q` with the writing model :math:`q` known, so that
    :math:`p` is estimated with the variance of :math:`N a^2` real points, as far as
    :math:`q` is near :math:`p`. Errors of different generations are uncorrelated, and
    weighted by their worth the generations add up.

    Examples
    --------
    >>> worth_of_a_point(0.1, sensitivity=[0, 0.9, 0.99, 1]).round(3)
    array([0.01 , 0.053, 0.092, 0.1  ])
    """
    given = together(
        real_share=numbers("real_share", real_share, least=0, most=1),
        sensitivity=numbers("sensitivity", sensitivity, least=0, most=1),
        false_alarms=numbers("false_alarms", false_alarms, least=0, most=1),
    )
    share, found, flagged = given
    real = share * (1 - flagged)
    passed = real + (1 - share) * (1 - found)
    return np.asarray(real**2 / np.where(passed > 0, passed, 1))
