"""Variational autoencoders of grey images."""
