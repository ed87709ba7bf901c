"""What is measured of each generation, checked when it is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from collapse_lib.recursion.generation import Generation

Measure: TypeAlias = Callable[[Any], Any]
#: Name -> function of the fit, or one function of the generation.
Measures: TypeAlias = Mapping[str, Measure] | Callable[[Generation], Mapping[str, Any]]
Arrays: TypeAlias = dict[str, NDArray[Any]]
Shapes: TypeAlias = dict[str, tuple[int, ...]]


class Measuring:
    """Measure generations, all of them the same way.

    Parameters
    ----------
    measure
        As in `collapse_lib.recurse`.
    chains
        The first axis of everything measured.

    Raises
    ------
    ValueError
        If nothing is to be measured, or by no function.
    """

    def __init__(self, measure: Measures, chains: int) -> None:
        if not isinstance(measure, Mapping) and (
            not callable(measure) or isinstance(measure, type)
        ):
            raise ValueError(
                f"measure is {measure!r}; it must be name -> function of the fitted "
                'model, e.g. {"mu": lambda fit: fit.mu}, or one function of a '
                "Generation that returns name -> array"
            )
        if not measure:
            raise ValueError("measure is empty; name at least one quantity")
        for name, of in measure.items() if isinstance(measure, Mapping) else ():
            if not isinstance(name, str) or not callable(of):
                raise ValueError(
                    f"measure holds {name!r}: {of!r}; names must be texts, and each "
                    "stands for a function of the fitted model"
                )
        self.measure, self.chains = measure, chains
        self.shapes: Shapes = {}

    def expect(self, shapes: Shapes) -> None:
        """Take note of what earlier generations of this run measured: name -> shape.

        Raises
        ------
        ValueError
            If the measures have other names.
        """
        self.shapes = dict(shapes)
        if shapes and isinstance(self.measure, Mapping):
            self._check_names(self.measure)

    def __call__(self, generation: Generation) -> Arrays:
        """Return name -> array of shape ``(chains, ...)``.

        Raises
        ------
        ValueError
            If the chains are not the first axis of an array, or it has another shape
            or name than in the generations before.
        """
        found = measured_of(self.measure, generation)
        arrays = {name: self._array(name, value) for name, value in found.items()}
        shapes = {name: array.shape for name, array in arrays.items()}
        if shapes != self.shapes or not shapes:
            self._check(shapes, generation.t)
        return arrays

    def _array(self, name: str, value: Any) -> NDArray[Any]:
        if not isinstance(name, str):
            raise ValueError(f"measure returned the name {name!r}; names must be texts")
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            raise ValueError(
                f"measure {name!r} returned an array with masked values; return NaN in "
                "their place: values.filled(np.nan)"
            )
        try:
            array = np.asarray(value)
        except Exception as error:
            raise ValueError(
                f"measure {name!r} returned a {type(value).__name__} that is no array "
                f"({error}); return an array of numbers"
            ) from None
        if array.shape == (self.chains,) and array.dtype.kind in "biuf":
            return array.astype(np.float64, copy=False)
        if array.shape[:1] != (self.chains,):
            raise ValueError(
                f"measure {name!r} returned shape {array.shape}; the chains must come "
                f"first: ({self.chains},) for one number per chain, or "
                f"({self.chains}, ...)"
            )
        if array.dtype == object:
            raise ValueError(
                f"measure {name!r} returned Python objects; return an array of numbers"
            )
        return array

    def _check(self, shapes: Shapes, t: int) -> None:
        """Take note of the first shapes; refuse others after that."""
        if not shapes:
            raise ValueError("measure returned nothing; return at least one array")
        if self.shapes:
            self._check_names(shapes)
            name = next(name for name in shapes if shapes[name] != self.shapes[name])
            raise ValueError(
                f"measure {name!r} returned shape {shapes[name]} in generation {t} and "
                f"{self.shapes[name]} before; it must be the same in all generations"
            )
        self.shapes = shapes

    def _check_names(self, names: Mapping[str, Any]) -> None:
        if set(names) != set(self.shapes):
            raise ValueError(
                f"measured is {', '.join(names)}, but the generations before hold "
                f"{', '.join(self.shapes)}; measure the same in all generations of a "
                "run, or use another path to measure something else"
            )


def measured_of(measure: Measures, generation: Generation) -> Mapping[str, Any]:
    """Return what measures say of a generation, by name.

    Raises
    ------
    ValueError
        If one function of the generation does not return name -> array.
    """
    if not callable(measure):
        return {name: of(generation.fitted) for name, of in measure.items()}
    found = measure(generation)
    if not isinstance(found, Mapping):
        raise ValueError(
            f"measure returned a {type(found).__name__}; return name -> array, "
            'e.g. {"mu": generation.fitted.mu}'
        )
    return found
