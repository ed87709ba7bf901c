from . import parallel as parallel
from . import store as store
from .generation import Generation as Generation
from .history import Arms as Arms
from .history import History as History
from .loop import generations as generations
from .loop import recurse as recurse
from .measuring import Measure as Measure
