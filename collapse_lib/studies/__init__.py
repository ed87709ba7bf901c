"""Experiments too long for a page: arms, replicates, generations, on disk."""
