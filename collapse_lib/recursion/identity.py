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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

LIBRARY = __name__.partition(".")[0]
#: Parts of the library that read, write, check and show: they decide no number.
PLUMBING = ("checks", "files", "book", "data.fetching", "recursion")
#: How an object is shown, and what Python and ABCs keep in a class or a module.
_KEPT_BY_PYTHON = frozenset(
    "__repr__ __hash__ _abc_impl __module__ __qualname__ __name__ __doc__ __dict__ "
    "__weakref__ __annotations__ __annotate__ __annotate_func__ __annotations_cache__ "
    "__slots__ __slotnames__ __match_args__ __dataclass_fields__ "
    "__dataclass_params__ __parameters__ __orig_bases__ __abstractmethods__ "
    "__type_params__ __firstlineno__ "
    "__static_attributes__ __protocol_attrs__ __non_callable_proto_members__ "
    "__file__ __cached__ __loader__ __spec__ __package__ __path__ __builtins__".split()
)
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
#: Functions of torch that draw from its global generator, unless they are given one.
_TORCH_DRAWS = frozenset(
    "rand randn randint randperm normal bernoulli multinomial poisson rand_like "
    "randn_like randint_like manual_seed seed".split()
)
_INSTEAD = (
    "a run that goes on from a file would begin it anew. Use the rng that fit, sample "
    "and weights are given, or make one in each generation: "
    "np.random.default_rng([seed, generation.t])"
)
# Flags of code that say how it is called: further arguments, a generator, a coroutine.
_CALLED = 0x04 | 0x08 | 0x20 | 0x80 | 0x200
# A class that was made while a program ran; others are part of Python and extensions.
_ON_HEAP = 1 << 9
# One step of code: what is done, and with what.
_Step = tuple[str, Any]


class _Stream(ValueError):
    """A random generator that would not go on from where it was."""


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
            self._check_draw(value, where)
            yield self._of(value.__func__, where)
            yield self._of(value.__self__, f"the object of {where}")
        elif isinstance(value, _BUILT_IN):
            self._check_draw(value, where)
            yield value.__name__
            yield self._of(value.__self__, f"the object of {where}")
        elif isinstance(value, _DESCRIPTORS):
            yield value.__name__
            yield self._of(value.__objclass__, where)
        elif isinstance(value, types.ModuleType):
            yield from self._module(value, where)
        elif isinstance(value, (classmethod, staticmethod)):
            yield self._of(value.__func__, where)
        elif isinstance(value, property):
            yield self._of((value.fget, value.fset), where)
        elif isinstance(value, functools.cached_property):
            yield self._of(value.func, where)
        elif isinstance(value, _STREAMS) or _is_torch(value, "Generator"):
            yield from self._stream(value, where)
        elif _is_torch(value, "Tensor"):
            yield from self._tensor(value, where)
        elif isinstance(value, functools._lru_cache_wrapper):
            yield self._of(value.__wrapped__, where)
        elif kind is functools.partial:
            yield self._of((value.func, value.args), where)
            yield self._of(sorted(value.keywords.items()), where)
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
            raise _Stream(f"{where} is a random generator; {_INSTEAD}")
        if isinstance(value, random.Random):
            yield self._of(value.getstate(), where)
        elif isinstance(value, np.random.RandomState):
            yield self._of(value.get_state(legacy=False), where)
        elif _is_torch(value, "Generator"):
            yield self._of(value.get_state(), where)
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
            module = str(getattr(value, "__module__", None) or cls.__module__)
            if _attribute(sys.modules.get(module), reduced.split(".")) is None:
                raise ValueError(
                    f"{where} is a {cls.__qualname__} named {reduced!r}, of which only "
                    "the name can be kept; give a function with def instead"
                )
            yield from self._foreign(module, reduced)
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
        if _is_foreign(cls.__module__) and _is_found(cls):
            yield from self._foreign(cls.__module__, cls.__qualname__)
            return
        if type(cls) is not type:
            yield self._of(type(cls), f"the metaclass of {where}")
        if "__dataclass_fields__" in vars(cls):
            yield repr(vars(cls)["__dataclass_params__"])
            for field in dataclasses.fields(cls):
                yield repr((field.name, field.init, field.compare, field.kw_only))
                for made in (field.default, field.default_factory):
                    if made is not dataclasses.MISSING:
                        yield self._of(made, f"{where}.{field.name}")
        for key, part in sorted(vars(cls).items()):
            if key not in _KEPT_BY_PYTHON and not _made_by_python(part, cls):
                yield key
                yield self._of(part, f"{where}.{key}")
        for base in cls.__bases__:
            yield self._of(base, where)

    def _function(self, function: types.FunctionType, where: str) -> Iterator[Any]:
        """Yield the code of a function, and everything that the code refers to."""
        # Not function.__module__, which functools.wraps copies.
        code, module = function.__code__, function.__globals__.get("__name__")
        if _is_foreign(module) and not _is_local(code):
            yield from self._foreign(str(module), code.co_qualname)
            return
        if (registry := getattr(function, "registry", None)) is not None:
            if code.co_qualname.startswith("singledispatch.") and module == "functools":
                yield self._of(list(registry.items()), where)
                return
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
            if key != "__wrapped__":  # the code calls it, if it does
                yield key
                yield self._of(part, f"{where}.{key}")

    def _global(
        self, function: types.FunctionType, names: tuple[str, ...], where: str
    ) -> Iterator[str | bytes]:
        """Yield what a function finds under a global name, through modules."""
        first, *rest = names
        called = ".".join(names).removeprefix("import ")
        what = f"{called!r}, which {where} uses,"
        if first.startswith("import "):
            module = first.removeprefix("import ")
            if _is_library(function) and _is_foreign(module):
                # What the library may fetch or draw with is not loaded to be named.
                yield from self._foreign(module, ".".join(rest))
                return
            found = _imported(module, function.__globals__)
        else:
            found = function.__globals__.get(first, _BUILTINS.get(first))
        if any(found is one for one in _BLIND) and not _is_library(function):
            raise ValueError(
                f"{what} reaches what cannot be followed from the code, so that nobody "
                "could tell whether a file belongs to this run; use the name itself"
            )
        if not _is_library(function):
            self._check_draw(_attribute(found, rest), what, function.__code__)
        for attribute in rest:
            if not isinstance(found, types.ModuleType):
                break
            if _is_foreign(found.__name__):
                yield from self._foreign(found.__name__, attribute)
                return
            inner = f"{found.__name__}.{attribute}"
            found = getattr(found, attribute, None) or _imported(inner)
        yield self._of(found, what)

    def _check_draw(
        self, value: Any, what: str, code: types.CodeType | None = None
    ) -> None:
        """Refuse a function that draws from a generator which all programs share."""
        owner, name = getattr(value, "__self__", None), getattr(value, "__name__", "")
        shared = owner is np.random.mtrand._rand or owner is _RANDOM
        if code is not None and not shared:
            torch = sys.modules.get("torch")
            drawn = torch and name in _TORCH_DRAWS and value is getattr(torch, name)
            given = "generator" if drawn else "random_state"
            shared = bool(drawn or (name == "rvs" and hasattr(owner, "random_state")))
            shared = shared and not _says(code, given)
        if shared and not self.streams:
            raise _Stream(f"{what} draws from a random generator of all; {_INSTEAD}")

    def _module(self, module: types.ModuleType, where: str) -> Iterator[str | bytes]:
        """Yield the name of a module, and all that is in one somebody wrote here."""
        name = module.__name__
        yield name
        if _is_foreign(name):
            yield from self._foreign(name, "")
        elif name.partition(".")[0] != LIBRARY:
            for key, part in sorted(vars(module).items()):
                if key in _KEPT_BY_PYTHON:
                    continue
                yield key
                try:
                    yield self._of(part, f"{name}.{key}, which {where} reaches,")
                except _Stream:
                    raise
                except ValueError:  # it may not be used: its text stands for it
                    file = _file(module)
                    yield file.read_bytes() if file and file.is_file() else b""

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
#: Functions of Python that reach names which no one can read off the code.
_BLIND = (globals, eval, exec)
#: The generator behind the functions of Python's own module.
_RANDOM = getattr(random.random, "__self__", None)


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
    imported, aliases, top = "", {}, ""
    steps = [*_steps(code), ("end", None)]
    for i, (operation, argument) in enumerate(steps):
        if dotted and operation in ("LOAD_ATTR", "LOAD_METHOD"):
            dotted.append(argument)
            continue
        if dotted:
            found[tuple(dotted)] = None
        dotted = []
        if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            dotted = [argument]
        elif operation == "IMPORT_NAME":
            level, names = steps[i - 2][1], steps[i - 1][1]
            imported = f"import {'.' * level}{argument}"
            # `import a.b` gives the name a, `import a.b as c` the name of a.b.
            top = "" if names else f"import {argument.partition('.')[0]}"
            if top:
                found |= {(imported,): None, (top,): None}
        elif operation == "IMPORT_FROM" and top:
            top = imported
        elif operation == "IMPORT_FROM":
            found[(imported, argument)] = None
        elif operation in ("STORE_FAST", "STORE_DEREF") and top:
            aliases[argument], top = top, ""
        elif operation in ("LOAD_FAST", "LOAD_DEREF") and argument in aliases:
            dotted = [aliases[argument]]
        elif _is_code(argument):
            found |= dict.fromkeys(_globals(argument))
    return tuple(found)


def _says(code: types.CodeType, word: str) -> bool:
    """Tell whether code names an argument so in a call, or forks the generator."""
    if "fork_rng" in code.co_names:
        return True
    return any(
        _says(one, word) if _is_code(one) else isinstance(one, tuple) and word in one
        for one in code.co_consts
    )


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


def _made_by_python(value: Any, cls: type) -> bool:
    """Tell what is in a class beside what somebody wrote, some of it made when used."""
    if isinstance(value, types.GetSetDescriptorType):
        return True
    if isinstance(value, types.FunctionType):  # what dataclasses made of the fields
        return "__create_fn__" in value.__code__.co_qualname
    # The library's registers of subclasses grow as modules are imported.
    return (
        cls.__module__.partition(".")[0] == LIBRARY
        and isinstance(value, dict)
        and all(
            isinstance(one, type) and issubclass(one, cls) for one in value.values()
        )
    )


def _is_local(code: types.CodeType) -> bool:
    """Tell functions that a call made: their module cannot say what they do."""
    return "<lambda>" in code.co_qualname or "<locals>" in code.co_qualname


def _is_found(cls: type) -> bool:
    """Tell whether a class is what its module and name say.

    What ``types.new_class`` and ``make_dataclass`` return bears the name of a module
    that never held it.
    """
    if not cls.__flags__ & _ON_HEAP or "<locals>" in cls.__qualname__:
        return True
    module = sys.modules.get(cls.__module__)
    return _attribute(module, cls.__qualname__.split(".")) is cls


def _attribute(value: Any, names: Sequence[str]) -> Any:
    """Return what a dotted name means there, or None."""
    for name in names:
        value = getattr(value, name, None)
    return value


def _is_library(function: types.FunctionType) -> bool:
    module = str(function.__globals__.get("__name__"))
    return module.partition(".")[0] == LIBRARY


def _is_torch(value: Any, kind: str) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch, kind))


@lru_cache(4096)
def _is_foreign(module: str | None) -> bool:
    """Return whether a module is named by its package's version, not by its code."""
    package, _, rest = (module or "").partition(".")
    if package == LIBRARY:
        return any(rest == part or rest.startswith(f"{part}.") for part in PLUMBING)
    if package in ("", "__main__"):
        return False
    # By file, also in the standard library: somebody's profile.py is not Python's.
    found = sys.modules.get(package)
    if found is None:
        try:  # a function that has not run yet has not imported it yet
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            return False  # made by somebody's code while it ran
        if not spec.has_location and spec.origin not in ("built-in", "frozen"):
            return False  # somebody's folder without an __init__.py
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


def _imported(name: str, space: Mapping[str, Any] | None = None) -> Any:
    """Return a module that code imports when it runs; None if it is not there.

    Parameters
    ----------
    name
        Its name, with the dots of a relative import.
    space
        Global names of the code, which tell what it is relative to.
    """
    try:
        package = (space or {}).get("__package__") or None
        return importlib.import_module(name, package)
    except Exception:
        return None  # the run will say so, if it comes to this
