from . import discrete as discrete
from . import gaussian as gaussian
from . import linear_vae as linear_vae
from . import mixture as mixture
from . import multivariate as multivariate
from . import ngram as ngram
from . import special as special
