"""Where data come from: a hash-chained, signed ledger, and records others can read.

``python -m collapse_lib.provenance`` is its command line. It needs the extra:
``pip install .[provenance]``.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
