from . import display as display
from . import notebooks as notebooks
from . import pictures as pictures
from . import plotting as plotting
from . import results as results
from . import small_png as small_png
from . import widgets as widgets
from .chapter import Chapter as Chapter
