"""Seven small worlds, in each of which the same mitigations can be tried.

A world is a model, people who can write more real data, and what a judge, an oracle or
a library of real points would know there. What a world does not have, it says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from collapse_lib.checks import check_choice, check_positive
from collapse_lib.declared import declared
from collapse_lib.studies.small_worlds import SMALL
from collapse_lib.studies.world import World


@declared
def world(name: str, temperature: float = 1.0) -> World:
    """Return a world by its name.

    Parameters
    ----------
    name
        ``"categorical"``, ``"gaussian"``, ``"mixture"``, ``"ngram"``,
        ``"regression"``, and two with networks, which need torch: ``"autoencoder"``
        and ``"transformer"``.
    temperature
        At which its generators write; 1 is no bias.

    Raises
    ------
    ValueError
        If there is no such world, or the temperature is not above 0.

    Examples
    --------
    >>> world("gaussian").n
    100
    """
    check_choice("name", name, tuple(WORLDS))
    check_positive("temperature", temperature)
    return replace(WORLDS[name](), temperature=float(temperature))


def _autoencoder() -> World:
    """Images of digits; torch is imported when the world is asked for."""
    from collapse_lib.studies.network_worlds import autoencoder

    return autoencoder()


def _transformer() -> World:
    """Blocks of text."""
    from collapse_lib.studies.network_worlds import transformer

    return transformer()


#: Name -> function that makes the world.
WORLDS: dict[str, Callable[[], World]] = {
    **SMALL,
    "autoencoder": _autoencoder,
    "transformer": _transformer,
}
