"""The linear autoencoder: closed forms against fits of large samples."""

from __future__ import annotations

import numpy as np
import pytest

from collapse_lib.theory import linear_vae

VARIANCES = np.array([5.0, 2.0, 0.5])


def fit(covariance: np.ndarray, noise: float) -> np.ndarray:
    """Return W of the maximum-likelihood fit, all axes kept (Tipping and Bishop)."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values - noise, 0))


@pytest.mark.parametrize("real", [0.0, 0.25])
@pytest.mark.parametrize("pixels", ["mean", "drawn"])
def test_the_recursion_is_that_of_large_samples(pixels: str, real: float) -> None:
    rng, n, noise = np.random.default_rng(0), 400_000, 1.0
    first = rng.standard_normal((n, 3)) * np.sqrt(VARIANCES)
    data, found = first, []
    for _ in range(4):
        found.append(data.var(axis=0))
        w = fit(np.cov(data, rowvar=False), noise)
        made = rng.standard_normal((n, 3)) @ w.T
        if pixels == "drawn":
            made += np.sqrt(noise) * rng.standard_normal((n, 3))
        kept = rng.random(n) < real
        data = np.where(kept[:, None], first, made)
    expected = linear_vae.training_variances(
        VARIANCES, noise, 3, real=real, pixels=pixels
    )
    np.testing.assert_allclose(found, expected, rtol=0.03, atol=0.005)


def test_no_other_loading_is_more_likely() -> None:
    def likelihood(values: np.ndarray) -> float:
        total = values + 1.0
        return float(-(np.log(total) + VARIANCES / total).sum())

    best = linear_vae.decoder_variance(VARIANCES, noise=1.0)
    rng = np.random.default_rng(0)
    others = np.abs(best + 0.3 * rng.standard_normal((500, 3)))
    assert likelihood(best) > max(likelihood(other) for other in others)


@pytest.mark.parametrize("real", [0.05, 0.1, 0.5, 1.0])
def test_the_limit_is_where_the_recursion_ends(real: float) -> None:
    variances = np.array([0.3, 1.0, 5.0, 19.0, 20.0, 21.0, 60.0])
    last = linear_vae.training_variances(variances, 1.0, 2_000, real=real)[-1]
    limit = linear_vae.limit_variance(variances, 1.0, real)
    np.testing.assert_allclose(last, limit, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: linear_vae.decoder_variance([-1], 1), "variance is -1; allowed"),
        (lambda: linear_vae.decoder_variance([1], -1), "noise is -1; it must be"),
        (lambda: linear_vae.training_variances([1], 1, 1, real=2), "real is 2"),
        (lambda: linear_vae.training_variances([1], 1, 1, pixels="x"), "'mean'"),
        (
            lambda: linear_vae.limit_variance([1], 1, real=0),
            "above 0, up to 1",
        ),
    ],
)
def test_arguments_out_of_range_are_named(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
