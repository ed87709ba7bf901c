"""Closed forms, each with its equation, source and conditions."""

from collapse_lib.theory import discrete, gaussian, multivariate

__all__ = ["discrete", "gaussian", "multivariate"]
