"""Language models: what they are trained on, how they write."""
