"""Was this text written by a model? Marks, detectors, and what training leaves behind.

A *mark* is a watermark: it chooses the next token by a keyed rule and finds that rule
again in a text. What knows no key is a *detector*.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
