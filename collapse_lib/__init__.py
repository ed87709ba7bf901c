"""Model collapse, reproduced: the library behind the executable book.

The one idea: *fit a model to data, sample from it, decide what the next model trains
on, measure*. `recurse` is that loop; models, regimes and metrics are its parts.

Parts are imported at first use (Scientific Python's SPEC 1), so that the loop, the
exact models and the closed forms need numpy alone.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
