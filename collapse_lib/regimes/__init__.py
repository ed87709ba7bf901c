r"""What the next generation trains on.

A regime turns a fitted model into the next training set. In the paper's notation the
data of generation :math:`i+1` come from

.. math::
    p_{i+1} = \alpha_i\, p_{\theta_{i+1}} + \beta_i\, p_i + \gamma_i\, p_0,
    \qquad \alpha_i + \beta_i + \gamma_i = 1,

that is, from the newest model, from the data of the generation before, and from the
real data (Shumailov et al. 2024; the theory sets :math:`\beta_i = \gamma_i = 0`, as
corrected in 2025). A new policy is one small class with a ``next`` method.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
