from . import corpora as corpora
from . import digits as digits
from . import fetching as fetching
from . import models as models
from . import tokenizer as tokenizer
from . import vocabulary as vocabulary
from . import wikipedia as wikipedia
from . import words as words
