"""The ledger: what was claimed, what we measure, and the verdict that follows.

``claims.yaml`` says for every claim what the paper states, how we measure it and how
far a measurement may be off. A chapter passes its measurements to :func:`judge`; the
verdict is computed, never typed.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
