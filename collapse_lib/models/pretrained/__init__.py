"""Language models that were trained elsewhere, or before."""
