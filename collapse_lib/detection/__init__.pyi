from .keyed import hashed as hashed
