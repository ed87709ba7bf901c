"""Gaussian mixtures, fitted by expectation maximisation."""
