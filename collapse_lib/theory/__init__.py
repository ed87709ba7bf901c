"""Closed forms, each with its equation, source and conditions."""

from collapse_lib.theory import discrete, gaussian, linear_vae, mixture, multivariate

__all__ = ["discrete", "gaussian", "linear_vae", "mixture", "multivariate"]
