"""What decides the numbers of a run, named so that any process gives the same name.

A run that goes on from a file must be the run that wrote it. So models, regimes,
measures and data are named by what they *do*: arrays by their bytes, functions by their
code and by what it refers to, objects by their class and by what pickle would keep of
them. No address, line number, path or print option is part of a name.
"""

from __future__ import annotations

import copyreg
import dataclasses
import dis
import functools
import hashlib
import importlib
import importlib.util
import random
import site
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

LIBRARY = __name__.partition(".")[0]
#: Parts of the library that read, write, check and show: they decide no number.
PLUMBING = ("checks", "files", "book", "data.fetching", "recursion")
#: What dataclasses put into a class by themselves; also how an object is shown.
_MADE_BY_DATACLASS = frozenset(
    "__init__ __eq__ __lt__ __le__ __gt__ __ge__ __setattr__ __delattr__ __replace__ "
    "__getstate__ __setstate__".split()
)
_SHOWN = frozenset(["__repr__", "__str__", "__hash__", "_abc_impl"])
_ATOMS = (type(None), bool, int, str, bytes, type(...), type(NotImplemented))
_BUILT_IN = (types.BuiltinFunctionType, types.MethodWrapperType)
_DESCRIPTORS = (
    *(types.MethodDescriptorType, types.WrapperDescriptorType),
    *(types.ClassMethodDescriptorType, types.GetSetDescriptorType),
    types.MemberDescriptorType,
)
_STREAMS = (
    *(np.random.Generator, np.random.BitGenerator, np.random.RandomState),
    random.Random,
)
#: What decides the numbers: name of a part -> its name, as JSON can hold it.
Identity: TypeAlias = dict[str, Any]
# Flags of code that say how it is called: further arguments, a generator, a coroutine.
_CALLED = 0x04 | 0x08 | 0x20 | 0x80 | 0x200
# One step of code: what is done, and with what.
_Step = tuple[str, Any]


class Beside:
    """Does what ``named`` does, and something beside that decides no number.

    Attributes
    ----------
    named
        What it is named as, alone or as a part of an experiment.
    """

    named: Any


class Namer:
    """Names values, and collects the packages that they come from.

    Parameters
    ----------
    streams
        Whether a value may hold a random generator. Where a run goes on, such a
        generator is not where it was: only what is used at the start may have one.
    """

    def __init__(self, streams: bool = False) -> None:
        self.streams = streams
        #: Package -> version of everything met so far that is not written out.
        self.versions: dict[str, str] = {}
        self._known: dict[int, bytes] = {}
        self._kept_alive: list[Any] = []  # so that no id comes again

    def name(self, value: Any, what: str) -> str:
        """Return a short text that is the same for what gives the same numbers.

        Parameters
        ----------
        value
            Anything that a run is made of.
        what
            What it is, for messages.

        Raises
        ------
        ValueError
            If a part of it has no name that another process would give it.
        """
        try:
            return self._of(value, what).hex()[:32]
        except RecursionError:
            raise ValueError(
                f"{what} is nested too deeply to be told apart from others in a file; "
                "run it without checkpoint and store"
            ) from None

    def _of(self, value: Any, where: str) -> bytes:
        """Return the digest of a value; one that holds itself is named by its place."""
        if isinstance(value, _ATOMS) and type(value) in _ATOMS:
            return _hashed(type(value).__name__, repr(value))
        if type(value) in (float, complex):
            # As bytes: two NaN are equal here, and 0.0 and -0.0 are not.
            return _hashed(type(value).__name__, np.array(value).tobytes())
        if isinstance(value, Beside):
            return self._of(value.named, where)
        if id(value) not in self._known:
            self._known[id(value)] = _hashed("the object", str(len(self._known)))
            self._kept_alive.append(value)
            self._known[id(value)] = _hashed(*self._parts(value, where))
        return self._known[id(value)]

    def _parts(self, value: Any, where: str) -> Iterator[str | bytes]:
        """Yield what makes up a value."""
        kind = type(value)
        yield kind.__name__
        if kind in (list, tuple):
            for i, part in enumerate(value):
                yield self._of(part, f"{where}[{i}]")
        elif kind in (set, frozenset):
            yield from sorted(self._of(part, f"{where}[...]") for part in value)
        elif kind in (dict, types.MappingProxyType):
            for key, part in value.items():
                yield self._of(key, f"a key of {where}")
                yield self._of(part, f"{where}[{key!r}]")
        elif isinstance(value, np.ndarray) and kind in (np.ndarray, np.memmap):
            yield from self._array(value, where)
        elif isinstance(value, np.generic):
            yield from self._array(np.asarray(value), where)
        elif isinstance(value, type):
            yield from self._class(value, where)
        elif isinstance(value, types.FunctionType):
            yield from self._function(value, where)
        elif isinstance(value, types.MethodType):
            yield self._of(value.__func__, where)
            yield self._of(value.__self__, f"the object of {where}")
        elif isinstance(value, _BUILT_IN):
            yield value.__name__
            yield self._of(value.__self__, f"the object of {where}")
        elif isinstance(value, _DESCRIPTORS):
            yield value.__name__
            yield self._of(value.__objclass__, where)
        elif isinstance(value, types.ModuleType):
            yield from self._module(value)
        elif isinstance(value, (classmethod, staticmethod)):
            yield self._of(value.__func__, where)
        elif isinstance(value, property):
            yield self._of((value.fget, value.fset), where)
        elif isinstance(value, functools.cached_property):
            yield self._of(value.func, where)
        elif isinstance(value, _STREAMS):
            yield from self._stream(value, where)
        elif _is_tensor(value):
            yield from self._tensor(value, where)
        elif isinstance(value, functools._lru_cache_wrapper):
            yield self._of(value.__wrapped__, where)
        else:
            yield from self._object(value, where)

    def _array(self, array: NDArray[Any], where: str) -> Iterator[str | bytes]:
        yield f"{array.dtype.descr if array.dtype.names else array.dtype.str}"
        yield f"{array.shape}"
        # Chains that share their data are one row, repeated without a copy.
        once = array[
            tuple(slice(0, 1) if s == 0 else slice(None) for s in array.strides)
        ]
        if array.dtype.hasobject:
            yield self._of(once.tolist(), where)
        else:
            yield np.ascontiguousarray(once).tobytes()

    def _stream(self, value: Any, where: str) -> Iterator[str | bytes]:
        if value is np.random.mtrand._rand:  # every distribution of SciPy holds it
            yield "the global generator"
            return
        if not self.streams:
            raise ValueError(
                f"{where} is a random generator; a run that goes on from a file would "
                "begin it anew. Use the rng that fit, sample and weights are given, or "
                "make one in each generation: np.random.default_rng([seed, "
                "generation.t])"
            )
        if isinstance(value, random.Random):
            yield self._of(value.getstate(), where)
        elif isinstance(value, np.random.RandomState):
            yield self._of(value.get_state(legacy=False), where)
        else:
            bits = getattr(value, "bit_generator", value)
            yield self._of(bits.state, where)

    def _tensor(self, tensor: Any, where: str) -> Iterator[str | bytes]:
        import torch  # it is there, or there would be no tensor

        yield from self._foreign("torch", "Tensor")
        yield f"{tensor.dtype} {tuple(tensor.shape)}"
        flat = tensor.detach().cpu().contiguous().flatten()
        yield flat.view(torch.uint8).numpy().tobytes()

    def _object(self, value: Any, where: str) -> Iterator[str | bytes]:
        """Yield the class of an object, and its fields or what pickle keeps of it."""
        cls = type(value)
        yield self._of(cls, f"the class of {where}")
        reduced = self._reduced(value, where)
        if isinstance(reduced, str):
            yield from self._foreign(str(getattr(value, "__module__", "")), reduced)
            return
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        yield self._of((make, arguments), where)
        if isinstance(state, (dict, list)):
            for key, part in sorted(_compared(cls, state).items()):
                yield key
                yield self._of(part, f"{where}.{key}")
        else:
            yield self._of(state, where)
        yield self._of((list(items or ()), list(pairs or ())), where)

    def _reduced(self, value: Any, where: str) -> Any:
        try:
            if (reducer := copyreg.dispatch_table.get(type(value))) is not None:
                return reducer(value)
            return value.__reduce_ex__(4)
        except RecursionError:
            raise
        except Exception as e:
            raise ValueError(
                f"{where} is a {type(value).__qualname__}, of which nothing can be "
                f"kept ({e}), so that nobody could tell whether a file belongs to this "
                "run. Take it out of the model, regime, data and measures; or leave it "
                "out of what is compared: a dataclass field with compare=False, or a "
                "__getstate__ without it"
            ) from None

    def _class(self, cls: type, where: str) -> Iterator[str | bytes]:
        """Yield what a class does, with the classes that it inherits from."""
        if _is_foreign(cls.__module__):
            yield from self._foreign(cls.__module__, cls.__qualname__)
            return
        made = _SHOWN
        if "__dataclass_fields__" in vars(cls):
            made |= _MADE_BY_DATACLASS
            for field in dataclasses.fields(cls):
                if field.default_factory is not dataclasses.MISSING:
                    yield field.name
                    yield self._of(field.default_factory, f"{where}.{field.name}")
        for key, part in sorted(vars(cls).items()):
            if key not in made and not _kept_by_python(key, part, cls):
                yield key
                yield self._of(part, f"{where}.{key}")
        for base in cls.__bases__:
            yield self._of(base, where)

    def _function(self, function: types.FunctionType, where: str) -> Iterator[Any]:
        """Yield the code of a function, and everything that the code refers to."""
        if _is_foreign(function.__module__) and not _is_local(function):
            yield from self._foreign(function.__module__, function.__qualname__)
            return
        code = function.__code__
        yield _code(code)
        yield self._of(function.__defaults__, f"a default of {where}")
        yield self._of(function.__kwdefaults__, f"a default of {where}")
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        for free, cell in cells:
            yield free
            try:
                found = cell.cell_contents
            except ValueError:
                continue  # not yet defined
            yield self._of(found, f"{free!r}, which {where} uses,")
        for names in _globals(code):
            yield ".".join(names)
            yield from self._global(function, names, where)
        for key, part in sorted(vars(function).items()):
            if key != "__wrapped__":
                yield key
                yield self._of(part, f"{where}.{key}")

    def _global(
        self, function: types.FunctionType, names: tuple[str, ...], where: str
    ) -> Iterator[str | bytes]:
        """Yield what a function finds under a global name, through modules."""
        first, *rest = names
        if first.startswith("import "):
            module = first.removeprefix("import ")
            if _is_foreign(module):
                yield from self._foreign(module, ".".join(rest))
                return
            found = _imported(module)
        else:
            found = function.__globals__.get(first, _BUILTINS.get(first))
        for attribute in rest:
            if not isinstance(found, types.ModuleType):
                break
            if _is_foreign(found.__name__):
                yield from self._foreign(found.__name__, attribute)
                return
            found = getattr(found, attribute, None)
        yield self._of(found, f"{'.'.join(names)!r}, which {where} uses,")

    def _module(self, module: types.ModuleType) -> Iterator[str | bytes]:
        """Yield the name of a module, and the text of one that somebody wrote here."""
        name = module.__name__
        yield name
        if _is_foreign(name):
            yield from self._foreign(name, "")
        elif name.partition(".")[0] != LIBRARY and (file := _file(module)):
            yield file.read_bytes()

    def _foreign(self, module: str, name: str) -> Iterator[str]:
        """Yield a name in a package, and take note of the package's version."""
        package = module.partition(".")[0]
        if package not in self.versions and package not in _UNVERSIONED:
            if version := _version(package):
                self.versions[package] = version
        yield f"{module}.{name}"


def identity_of(parts: Mapping[str, Any], streams: tuple[str, ...] = ()) -> Identity:
    """Name the parts of an experiment, and the versions of what they are made with.

    Parameters
    ----------
    parts
        Name -> a part. Of a mapping each value is named by itself, so that a message
        can say which one differs.
    streams
        Names of the parts that may hold a random generator: where a run goes on, such a
        generator is not where it was.

    Raises
    ------
    ValueError
        If a part has no name that another process would give it.
    """
    versions = {"python": ".".join(map(str, sys.version_info[:2]))}
    versions |= {"numpy": np.__version__, LIBRARY: _version(LIBRARY)}
    named: Identity = {}
    for name, part in parts.items():
        namer = Namer(streams=name in streams)
        part = part.named if isinstance(part, Beside) else part
        if isinstance(part, Mapping) and part:
            named[name] = {
                str(key): namer.name(one, f"{name} {key!r}")
                for key, one in part.items()
            }
        else:
            named[name] = namer.name(part, name)
        versions |= namer.versions
    return {**named, "versions": versions}


def differing(theirs: Identity, ours: Identity) -> list[str]:
    """Return in words what is different in two identities.

    Values of mappings that have other names are not compared: of these, each part of
    the program has more to say.
    """
    then, now = theirs.get("versions", {}), ours.get("versions", {})
    # A package may have come in with a part that differs.
    odd = [
        f"made with {package} {then[package]}, here is {now[package]}"
        for package in sorted({*then} & {*now})
        if then[package] != now[package]
    ]
    if then.get("python") != now.get("python"):
        return odd  # code of one version cannot be compared with code of another
    for name in sorted({*theirs, *ours} - {"versions"}):
        one, other = theirs.get(name), ours.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            both = sorted({*one} & {*other})
            odd += [f"{name} {key!r}" for key in both if one[key] != other[key]]
        elif one != other:
            odd.append(name)
    return odd


_UNVERSIONED = sys.stdlib_module_names | {LIBRARY}
_BUILTINS = vars(importlib.import_module("builtins"))


def _hashed(*parts: str | bytes) -> bytes:
    sha = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        sha.update(f"{len(content)} ".encode())
        sha.update(content)
    return sha.digest()


@lru_cache(4096)
def _code(code: types.CodeType) -> bytes:
    """Return the digest of what code does, wherever it stands."""
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    how = code.co_flags & _CALLED
    parts: list[str | bytes] = [repr((*counts, how, code.co_varnames))]
    parts.append(code.co_exceptiontable)
    for operation, argument in _steps(code):
        parts.append(operation)
        parts.append(_code(argument) if _is_code(argument) else _constant(argument))
    return _hashed(*parts)


def _steps(code: types.CodeType) -> list[_Step]:
    """Return what code does, step by step; a jump names the step it goes to."""
    real = [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]
    place = {one.offset: i for i, one in enumerate(real)}
    jumps = {*dis.hasjrel, *dis.hasjabs}
    return [
        (one.opname, place.get(one.argval) if one.opcode in jumps else one.argval)
        for one in real
    ]


def _constant(value: Any) -> str:
    """Return a text for a constant of code: sets have no order of their own."""
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_constant, value))}"
    if isinstance(value, tuple):
        return f"tuple {[_constant(one) for one in value]}"
    return f"{type(value).__name__} {value!r}"


@lru_cache(4096)
def _globals(code: types.CodeType) -> tuple[tuple[str, ...], ...]:
    """Return the dotted global names that code uses, also inside its functions."""
    found: dict[tuple[str, ...], None] = {}
    dotted: list[str] = []
    imported = ""
    for operation, argument in [*_steps(code), ("end", None)]:
        if dotted and operation in ("LOAD_ATTR", "LOAD_METHOD"):
            dotted.append(argument)
            continue
        if operation == "IMPORT_FROM":
            found[(imported, argument)] = None
            dotted = []
        if dotted:
            found[tuple(dotted)] = None
        dotted = []
        if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            dotted = [argument]
        elif operation == "IMPORT_NAME":
            imported = f"import {argument}"
            dotted = [imported]
        elif _is_code(argument):
            found |= dict.fromkeys(_globals(argument))
    return tuple(found)


def _compared(cls: type, state: dict[Any, Any] | list[Any]) -> dict[str, Any]:
    """Return what is compared of the state of an object, by name."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    if isinstance(state, list):  # of a dataclass with slots, or somebody's own
        names = [field.name for field in fields] or map(str, range(len(state)))
        state = dict(zip(names, state, strict=False))
    left_out = {field.name for field in fields if not field.compare}
    for base in cls.__mro__:
        # What a cached property has found follows from the rest.
        found = vars(base).items()
        left_out |= {k for k, v in found if isinstance(v, functools.cached_property)}
    return {str(k): v for k, v in state.items() if str(k) not in left_out}


def _is_code(value: Any) -> bool:
    return isinstance(value, types.CodeType)


def _kept_by_python(key: str, value: Any, cls: type) -> bool:
    """Tell what is in a class beside what somebody wrote, some of it made when used."""
    if isinstance(value, types.GetSetDescriptorType):
        return True
    if key.startswith("__") and key.endswith("__"):
        return not (callable(value) or hasattr(value, "__get__"))
    # A register of subclasses grows as modules are imported.
    return isinstance(value, dict) and all(
        isinstance(one, type) and issubclass(one, cls) for one in value.values()
    )


def _is_local(function: types.FunctionType) -> bool:
    """Tell functions that a call made: their module cannot say what they do."""
    return "<lambda>" in function.__qualname__ or "<locals>" in function.__qualname__


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


@lru_cache(4096)
def _is_foreign(module: str | None) -> bool:
    """Return whether a module is named by its package's version, not by its code."""
    package, _, rest = (module or "").partition(".")
    if package == LIBRARY:
        return any(rest == part or rest.startswith(f"{part}.") for part in PLUMBING)
    if package in ("", "__main__"):
        return False
    if package in sys.stdlib_module_names:
        return True
    found = sys.modules.get(package)
    if found is None:
        try:  # a function that has not run yet has not imported it yet
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            return False  # made by somebody's code while it ran
        file = (
            Path(spec.origin).resolve() if spec.has_location and spec.origin else None
        )
    else:
        file = _file(found)
    return file is None or any(folder in file.parents for folder in _installed())


@lru_cache(1)
def _installed() -> tuple[Path, ...]:
    """Return the folders of installed packages."""
    folders = [sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(Path(folder).resolve() for folder in folders)


def _file(module: types.ModuleType) -> Path | None:
    """Return the file of a module, or a folder of a package without one."""
    found = getattr(module, "__file__", None) or next(
        iter(getattr(module, "__path__", ())), None
    )
    return Path(found).resolve() if found else None


def _version(package: str) -> str:
    """Return a version without the hardware it was built for, as in 2.13.0+cpu."""
    version = getattr(sys.modules.get(package), "__version__", None)
    if version is None:
        from importlib import metadata  # slow, and seldom needed

        with suppress(metadata.PackageNotFoundError):
            version = metadata.version(package)
    return str(version or "").partition("+")[0]


def _imported(name: str) -> Any:
    """Return a module that code imports when it runs; None if it is not there."""
    try:
        return importlib.import_module(name)
    except Exception:
        return None  # the run will say so, if it comes to this
