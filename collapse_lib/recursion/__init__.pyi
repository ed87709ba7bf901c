from . import checkpoint as checkpoint
from . import history as history
from . import loop as loop
from . import parallel as parallel
from .history import History as History
from .loop import Measure as Measure
from .loop import recurse as recurse
