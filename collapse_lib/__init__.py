"""Model collapse, reproduced: the library behind the executable book.

The one idea: *fit a model to data, sample from it, decide what the next model trains
on, measure*. `recurse` is that loop; models, regimes and metrics are its parts.
"""

from collapse_lib import metrics, models, regimes, theory
from collapse_lib.recursion import History, recurse

__version__ = "0.1.0"
__all__ = ["History", "metrics", "models", "recurse", "regimes", "theory"]
