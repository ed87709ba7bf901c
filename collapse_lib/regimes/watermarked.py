"""A bias that nobody means as one: what the generator writes carries a watermark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collapse_lib.checks import given
from collapse_lib.detection.marks import Mark, check_mark
from collapse_lib.models.base import Fitted
from collapse_lib.regimes.draws import Bias, check_generator


@dataclass(frozen=True)
class Watermarked(Bias):
    """Write marked text: the next generation trains on a model's favourites by key.

    Parameters
    ----------
    mark
        The watermark, from `collapse_lib.detection`.

    Raises
    ------
    ValueError
        If it is none.

    Notes
    -----
    For language models: n-grams and transformers. What changes their law, as
    `Temperature` does, comes before.

    Examples
    --------
    >>> import numpy as np
    >>> from collapse_lib import detection, models
    >>> rng = np.random.default_rng(0)
    >>> fitted = models.NGram(90, order=2).fit(rng.integers(90, size=(1, 9, 99)), rng)
    >>> mark = detection.GreenList(n_symbols=90, delta=4)
    >>> text = Watermarked(mark)(fitted).sample(20, rng)
    >>> bool((mark.z(text) > 4).all())
    True
    """

    mark: Mark

    def __post_init__(self) -> None:
        """Check the mark."""
        check_mark("mark", self.mark, getattr(self.mark, "n_symbols", 0))

    def __call__(self, fitted: Any) -> Fitted:
        """Return the generator that writes marked text.

        Raises
        ------
        ValueError
            If the model writes no text.
        """
        check_generator(fitted)
        if not hasattr(fitted, "watermark"):
            raise ValueError(
                f"fitted is {given(fitted)}, which has no method watermark(mark); only "
                "text can be marked: use an NGram or a Transformer"
            )
        generator: Fitted = fitted.watermark(self.mark)
        return generator
