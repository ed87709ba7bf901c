from . import diagrams as diagrams
from . import display as display
from . import pictures as pictures
from . import plotting as plotting
from . import results as results
from . import small_png as small_png
from .chapter import Chapter as Chapter
