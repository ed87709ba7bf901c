"""Arms, replicates and generations, on disk: the engine of every long experiment.

An *arm* is one way from a generation to the next, a *replicate* repeats it with other
random numbers, and a *lineage* is one replicate of one arm. Its folder holds a file for
each generation, so that a call that was cut short, or killed, goes on from there.
"""

from __future__ import annotations

import json
import re
import secrets
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collapse_lib.book import results
from collapse_lib.checks import check_count, check_keys, check_switch, given
from collapse_lib.data.texts import check_text
from collapse_lib.declared import declared
from collapse_lib.files import (
    check_path,
    read_arrays,
    read_record,
    write_arrays,
    write_record,
)
from collapse_lib.files.whole import to_json
from collapse_lib.models.base import Model
from collapse_lib.recursion.checkpoint import check_place
from collapse_lib.recursion.generation import Generation
from collapse_lib.recursion.history import Arms, History
from collapse_lib.recursion.identity import Beside, differing, identity_of
from collapse_lib.recursion.loop import recurse
from collapse_lib.recursion.machine import machine
from collapse_lib.recursion.measuring import Measures, measured_of
from collapse_lib.recursion.store import generations_in, history_in
from collapse_lib.regimes import Regime, Replace

Config = Mapping[str, Any]
Record = Mapping[str, NDArray[Any]]

#: The layout of a folder; one of another number is refused, so nothing is read wrongly.
FORMAT = 3
#: What to do with a file that cannot be read.
REMEDY = "delete it to have it made again, or use another folder"
#: The setting that decides numbers; all others say where and how to compute.
PRECISION = "precision"
#: The file in which a folder says of which run it is.
CLAIM = "study.json"
ARM = re.compile("[a-z-]+")
LINEAGE = re.compile(rf"(?P<arm>{ARM.pattern})-(?P<replicate>\d+)")


class TimeUp(Exception):
    """The time given to a call is over; what it has is stored."""


@declared
@dataclass
class Clock:
    """Ends a call between two fits.

    Parameters
    ----------
    deadline
        Value of ``time.time()`` from which on no further fit begins: several machines
        agree on it. The first fit always begins, so that every call gets somewhere.
    n_fits
        How many have begun.
    """

    deadline: float = float("inf")
    n_fits: int = 0

    def check(self) -> None:
        """Raise `TimeUp` if another fit must not begin."""
        if self.n_fits and time.time() > self.deadline:
            raise TimeUp
        self.n_fits += 1


@dataclass(frozen=True)
class Arm:
    """One way from a generation to the next; a study adds settings of its own.

    Parameters
    ----------
    label
        What to call it in a figure.
    regime
        What a generation trains on.
    """

    label: str
    regime: Regime = field(default=Replace(), kw_only=True)

    def __post_init__(self) -> None:
        """Raise an error if the label is no text, or the regime is none."""
        check_text("label", self.label)
        if isinstance(self.regime, type):
            name = self.regime.__name__
            raise ValueError(f"regime is the class {name}; make one: {name}(...)")
        if not isinstance(self.regime, Regime):
            raise ValueError(
                f"regime is {given(self.regime)}; it must be one of regimes, e.g. "
                "regimes.Replace()"
            )


class Lineage(NamedTuple):
    """One replicate of one arm, and the generation to reach."""

    arm: str
    replicate: int
    generations: int

    @property
    def name(self) -> str:
        """The name of its folder, as ``paper-0``."""
        return f"{self.arm}-{self.replicate}"


class First(NamedTuple):
    """How to make the fit that all arms of a replicate begin with.

    ``kind`` is the class of the fit: a dataclass of arrays, single numbers or texts,
    and maybe of the ``model``.
    """

    model: Model
    data: Any
    rng: np.random.Generator
    kind: type[Any]


class Experiment(ABC):
    """What a study becomes with a configuration: data, models and measures."""

    @abstractmethod
    def first(self, replicate: int) -> First:
        """Return how generation 0 of a replicate is made."""

    @abstractmethod
    def lineage(
        self, arm: str, replicate: int, first: Callable[[], Any]
    ) -> dict[str, Any]:
        """Return the arguments of `collapse_lib.recurse` for a lineage.

        ``first()`` returns the fit of `first`; it is made or read when called. Store,
        stop and the number of generations are added. Randomness must not depend on
        where a lineage was cut short, so ``measure`` draws from a stream by generation.
        """

    @declared
    def say(self, measured: Record) -> str:
        """Return what to print of a generation, from the arrays measured in it."""
        return "measured " + ", ".join(measured)


@dataclass(frozen=True)
class Study(ABC):
    """Arms, the order in which to run them, and what one lineage is.

    Parameters
    ----------
    arms
        Name (small letters and ``-``) -> arm. Places are part of the seeds, so new arms
        go to the end.
    """

    arms: Mapping[str, Arm]
    #: Keys of a configuration that may change, to go on from what is there.
    grows: ClassVar[Collection[str]] = ()

    def __post_init__(self) -> None:
        """Raise ValueError unless the arms have names that a folder can have."""
        if not isinstance(self.arms, Mapping):
            raise ValueError(
                f"arms is {given(self.arms)}; it must be name -> Arm, e.g. "
                '{"replace": Arm("nothing is kept")}'
            )
        for name, arm in self.arms.items():
            # The name is part of a folder's, from which it is read again.
            if not isinstance(name, str) or not ARM.fullmatch(name):
                raise ValueError(
                    f"arms has the name {given(name)}; it must be of small letters and "
                    "'-', as 'tenth-real'"
                )
            if not isinstance(arm, Arm):
                raise ValueError(f"arms[{name!r}] is {given(arm)}; it must be an Arm")

    @abstractmethod
    def plan(self, config: Config) -> list[Lineage]:
        """Return the lineages of a configuration, in the order to run them.

        A lineage may come twice: first to an early generation, which others wait for.
        """

    @abstractmethod
    def build(
        self, config: Config, *, seed: int, folder: Path, **settings: Any
    ) -> Experiment:
        """Return the experiment; ``folder`` may keep what is costly to make."""

    def run(
        self,
        config: Config,
        *,
        seed: int,
        folder: str | Path | None = None,
        minutes: float = float("inf"),
        only: Collection[str] | None = None,
        executor: Executor | None = None,
        quiet: bool = True,
        **settings: Any,
    ) -> Arms:
        """Run what is missing of a configuration and return what was measured.

        Parameters
        ----------
        config
            One of a chapter's ``SCALES``.
        seed
            Of the whole run.
        folder
            Where it is kept, to go on from; default: nowhere.
        minutes
            When to stop. Generations finished until then are kept in ``folder``.
        only
            Lineages to run, for example ``["a-0", "b-1"]``, so that several processes
            can share a folder; default: all.
        executor
            Where lineages run side by side: any ``concurrent.futures.Executor``, for
            example ``ProcessPoolExecutor()`` or Dask's ``Client.get_executor()``. All
            workers must see ``folder``. Default: one after the other, here.
        quiet
            Whether to print nothing after each generation.
        settings
            Passed on to the study's ``build``, for example device and precision. Where
            no precision is named, a folder goes on with its own.

        Returns
        -------
        Arms
            See `read`.

        Raises
        ------
        ValueError
            If the folder holds another configuration or another version's run, was made
            by other code or with another precision, or ``only`` names a lineage that
            the configuration does not have.
        TimeUp
            If the minutes are over; call again to go on.
        """
        if isinstance(only, str):
            raise ValueError(f"only is {only!r}; it must be a list: [{only!r}]")
        named = isinstance(only, (list, tuple, set, frozenset))
        if only is not None and not (named and all(isinstance(n, str) for n in only)):
            raise ValueError(
                f"only is {given(only)}; it must be a list of lineages, as "
                "['paper-0'], or None"
            )
        check_call(minutes, executor, quiet)
        seed, stored = check_count("seed", seed, least=0), _as_stored(config)
        plan = self._planned(config)
        known = list(dict.fromkeys(lineage.name for lineage in plan))
        unknown = [name for name in only or () if name not in known]
        if unknown:
            raise ValueError(
                f"no lineage {', '.join(unknown)}; this configuration has "
                f"{', '.join(known)}"
            )
        if executor is not None and folder is None:
            raise ValueError("an executor needs a folder that all its workers see")
        with _kept_in(folder) as kept:
            claim = self.claim(kept, {**stored, "seed": seed}, settings)
            if claim[PRECISION] != self.precision(settings):
                settings = {**settings, PRECISION: claim[PRECISION]}
            deadline = time.time() + 60 * minutes
            call = _Call(self, config, seed, kept, claim, deadline, quiet, settings)
            mine = [one for one in plan if only is None or one.name in only]
            if executor is not None:
                call.share(mine, executor)
            elif call.missing(mine):
                worker = call.worker()
                for lineage in mine:
                    worker.advance(lineage)
            return self.read(kept, plan)

    def read(self, folder: str | Path, plan: Sequence[Lineage] | None = None) -> Arms:
        """Read what was measured, without running anything.

        Parameters
        ----------
        folder
            Of a run, which may still go on.
        plan
            Lineages to read, and how far; default: all.

        Returns
        -------
        Arms
            Each arm as far as all its replicates have come; replicates are its chains,
            and ``attrs["replicates"]`` numbers them.

        Raises
        ------
        ValueError
            If there is nothing, or a generation is missing before a later one.
        """
        folder = check_path("folder", folder)
        if plan is not None:
            _check_plan("plan", plan)
        found: dict[str, dict[int, list[int]]] = {}
        for lineage in plan or _lineages_in(folder):
            own = folder / lineage.name
            there = generations_in(own)
            gaps = set(range(max(there, default=0))) - set(there)
            if gaps:
                raise ValueError(
                    f"{lineage.name} lacks generations {sorted(gaps)}; put back the "
                    f"files, or delete {own} and run the study again: it computes "
                    "this lineage anew, to the same numbers"
                )
            if there:
                wanted = [t for t in there if t <= lineage.generations]
                found.setdefault(lineage.arm, {})[lineage.replicate] = wanted
        if not found:
            raise ValueError(f"{folder} holds no generation of a lineage")
        order = [arm for arm in dict.fromkeys([*self.arms, *found]) if arm in found]
        return History.of_arms({arm: _joined(folder, arm, found[arm]) for arm in order})

    @declared
    def precision(self, settings: Mapping[str, Any]) -> str:
        """Return the precision of fits with these settings of `build`."""
        return str(settings.get(PRECISION, "float32"))

    @declared
    def claim(
        self, folder: Path, config: Config, settings: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check that a folder is free, or that of a configuration; write nothing.

        Returns
        -------
        dict
            What the folder is to say about itself from now on. `record_claim` writes
            it, when the study has been built: settings that it refuses claim nothing.

        Raises
        ------
        ValueError
            If it holds another configuration or another precision than is asked for,
            was made by other code, or holds a run of another version.
        """
        settings = settings or {}
        wanted: dict[str, Any] = {
            "config": dict(config),
            "arms": self._recipes(),
            "code": identity_of({"code": (type(self), self._own_fields())}),
            PRECISION: self.precision(settings),
        }
        found = _claimed(folder) or wanted
        odd = self._differing(found, wanted)
        if PRECISION in settings and wanted[PRECISION] != found[PRECISION]:
            odd.append(f"precision {wanted[PRECISION]}, there {found[PRECISION]}")
        if odd:
            raise ValueError(
                f"{folder} holds records of another configuration (different: "
                f"{', '.join(odd)}); use another folder, the config of then, or delete "
                "it to start again"
            )
        return {**found, "arms": {**found["arms"], **wanted["arms"]}}

    def _planned(self, config: Config) -> list[Lineage]:
        """Return the plan of a configuration; name the key that it needs."""
        try:
            return _check_plan("what plan(config) returned", self.plan(config))
        except KeyError as error:
            raise ValueError(
                f"config lacks {error}; it has {', '.join(config)}: add the key"
            ) from error

    def _own_fields(self) -> dict[str, Any]:
        """Return the fields that decide numbers, beside the arms."""
        left_out = {one.name for one in fields(self) if not one.compare} | {"arms"}
        own: dict[str, Any] = {
            one.name: getattr(self, one.name) for one in fields(self)
        }
        own |= vars(self)
        return {name: own[name] for name in sorted(own) if name not in left_out}

    def _recipes(self) -> dict[str, Any]:
        """Return name -> place and name of what each arm does."""
        unlabelled = {name: replace(arm, label="") for name, arm in self.arms.items()}
        named = identity_of({"arm": unlabelled})["arm"]
        return {name: [place, named[name]] for place, name in enumerate(self.arms)}

    def _differing(self, found: Config, wanted: Config) -> list[str]:
        """Return in words what is another than in a folder's record."""
        ours, theirs = wanted["config"], found["config"]
        odd = [key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)]
        odd = sorted(key for key in odd if key not in self.grows)
        arms, known = wanted["arms"], found["arms"]
        odd += [
            f"arm {name}" for name in arms if known.get(name, arms[name]) != arms[name]
        ]
        odd += [
            "the code that fits and measures" if part == "code" else part
            for part in differing(found["code"], wanted["code"])
        ]
        return odd


@dataclass(frozen=True)
class _Call:
    """One call of `Study.run`: all that a worker needs to know."""

    study: Study
    config: Config
    seed: int
    folder: Path
    claim: dict[str, Any]
    deadline: float
    quiet: bool
    settings: Mapping[str, Any]

    def worker(self, n_fits: int = 0) -> _Worker:
        """Return who runs lineages in this process."""
        experiment = self.study.build(
            self.config, seed=self.seed, folder=self.folder, **self.settings
        )
        record_claim(self.folder, self.claim)
        clock = Clock(self.deadline, n_fits)
        return _Worker(self.folder, experiment, clock, self.quiet)

    def missing(self, lineages: Sequence[Lineage]) -> list[Lineage]:
        """Return the lineages that have not come to their generation."""
        return [one for one in lineages if not _is_there(self.folder, one)]

    def share(self, lineages: Sequence[Lineage], executor: Executor) -> None:
        """Run lineages side by side: first what they share, then each of them."""
        for part in _rounds(lineages):
            todo = self.missing(part)
            replicates = sorted({lineage.replicate for lineage in todo})
            first = [r for r in replicates if not _first_file(self.folder, r).exists()]
            for jobs in (first, todo):
                # One of the fits always begins, as in a call without an executor.
                n_fits = [0, *[1] * len(jobs)][: len(jobs)]
                if not all(executor.map(self.work, jobs, n_fits)):
                    raise TimeUp

    def work(self, job: Lineage | int, n_fits: int) -> bool:
        """Run a lineage, or make the first fit of a replicate; False if time is up."""
        try:
            worker = self.worker(n_fits)
            if isinstance(job, int):
                worker.first(job)
            else:
                worker.advance(job)
        except TimeUp:
            return False
        return True


@dataclass(frozen=True)
class _Worker:
    """Who runs lineages, one after the other."""

    folder: Path
    experiment: Experiment
    clock: Clock
    quiet: bool

    def advance(self, lineage: Lineage) -> None:
        """Run a lineage to its generation, if it is not there yet."""
        if _is_there(self.folder, lineage):
            return
        arm, replicate, n_generations = lineage
        arguments = self.experiment.lineage(
            arm, replicate, lambda: self.first(replicate)
        )
        measure = arguments.pop("measure")
        recurse(
            **arguments,
            measure=measure if self.quiet else _Telling(measure, self, lineage.name),
            n_generations=n_generations,
            store=self.folder / lineage.name,
            stop=self.clock.check,
        )

    def first(self, replicate: int) -> Any:
        """Return the fit that all arms of a replicate begin with, made once."""
        path = _first_file(self.folder, replicate)
        first = self.experiment.first(replicate)
        names = {f.name for f in fields(first.kind)}

        def make() -> Record:
            self.clock.check()
            fitted = first.model.fit(first.data, first.rng)
            return {name: getattr(fitted, name) for name in names - {"model"}}

        arrays = made_once(path, make).items()
        values = {name: array if array.ndim else array.item() for name, array in arrays}
        recipe = {"model": first.model} if "model" in names else {}
        return first.kind(**values, **recipe)


@dataclass(frozen=True)
class _Telling(Beside):
    """A measure that prints; it is the same measure, though."""

    named: Measures
    worker: _Worker
    lineage: str

    def __call__(self, generation: Generation) -> Mapping[str, Any]:
        """Measure, and tell."""
        arrays = measured_of(self.named, generation)
        said = self.worker.experiment.say(arrays)
        print(f"{self.lineage} generation {generation.t}: {said}", flush=True)
        return arrays


def check_call(minutes: Any, executor: Any, quiet: Any) -> None:
    """Raise ValueError unless a study can be run for so long, there, and so."""
    if not isinstance(minutes, (int, float)) or minutes != minutes:
        raise ValueError(f"minutes is {given(minutes)}; it must be a number")
    if executor is not None and not isinstance(executor, Executor):
        raise ValueError(
            f"executor is {given(executor)}; it must be one of concurrent.futures, "
            "e.g. ProcessPoolExecutor()"
        )
    check_switch("quiet", quiet)


@declared
def made_once(path: Path, make: Callable[[], Record]) -> dict[str, NDArray[Any]]:
    """Return arrays that a folder keeps because they are costly to make.

    Parameters
    ----------
    path
        Their file; if it is not there, they are made and written.
    make
        Returns name -> array.

    Raises
    ------
    ValueError
        If the file is damaged, or another one of the folder's.
    """
    if not path.exists():
        write_arrays(path, make(), {"format": FORMAT, "name": path.stem})
    arrays, about = read_arrays(path, format=FORMAT, what="record", remedy=REMEDY)
    if about["name"] != path.stem:
        raise ValueError(f"{path} holds {about['name']}, not {path.stem}; {REMEDY}")
    return arrays


@declared
def number_name(arm: str, metric: str = "") -> str:
    """Return the name of an arm's metric among the numbers of a result.

    Examples
    --------
    >>> number_name("tenth-real", "recall")
    'tenth_real_recall'
    """
    return "_".join([arm.replace("-", "_"), metric]).rstrip("_")


@declared
def flatten(
    history: Arms, measure: Callable[[list[Record], int], Mapping[str, Any]]
) -> dict[str, NDArray[Any]]:
    """Return the numbers of a study as a result stores them.

    Parameters
    ----------
    history
        What `Study.run` returned.
    measure
        ``measure(lineage, replicate)`` returns name -> numbers of one lineage, of which
        it is given what was measured in each generation, by name.

    Returns
    -------
    dict
        As `number_name` names them, shape ``(replicates, ...)``.
    """
    numbers = {}
    for arm in history.arms:
        part = history.arm(arm)
        rows = [
            measure(records(part, chain), replicate)
            for chain, replicate in enumerate(part.attrs["replicates"])
        ]
        if wrong := [row for row in rows if not isinstance(row, Mapping)]:
            raise ValueError(
                f"measure returned {given(wrong[0])}; it must return name -> numbers"
            )
        for metric in rows[0]:
            values = np.array([row[metric] for row in rows])
            numbers[number_name(arm, metric)] = values
    return numbers


@declared
def records(history: History, chain: int) -> list[Record]:
    """Return what was measured in each generation of one chain, by name."""
    check_count("chain", chain, 0, history.chains - 1)
    return [
        {name: array[t, chain] for name, array in history.arrays.items()}
        for t in range(len(history.generations))
    ]


@declared
def note_call(folder: Path, settings: Mapping[str, Any], seconds: float) -> None:
    """Keep what a call trained with, and how long, in a file ``calls-*.json``.

    Several processes may share a folder and end at the same moment.
    """
    check_keys("settings", settings, PRECISION)
    call = {
        "settings": dict(settings),
        "device": results.device(),
        "machine": machine(),
        "versions": results.versions(),
        "seconds": round(seconds, 1),
    }
    path = folder / f"calls-{time.time_ns()}-{secrets.token_hex(4)}.json"
    write_record(path, {"format": FORMAT, **call})


@declared
def trained_on(folder: Path) -> str:
    """Say in one line where the records of a folder were trained, how, and how long.

    The time is the sum over calls, also of those that ran side by side.

    Raises
    ------
    ValueError
        If one of the notes is damaged.
    """
    files = sorted(folder.glob("calls-*.json"))
    if not files:
        return results.device()
    calls = [
        read_record(file, format=FORMAT, what="note of a call", remedy="delete it")
        for file in files
    ]
    places = {
        f"{call['device']}, torch {call['versions']['torch']}, "
        f"{call['settings']['precision']}"
        for call in calls
    }
    seconds = sum(call["seconds"] for call in calls)
    return f"{'; '.join(sorted(places))}: {seconds:,.0f} s"


@contextmanager
def _kept_in(folder: str | Path | None) -> Iterator[Path]:
    """Lend the folder of a run: the named one, or one that is deleted at the end."""
    if folder is not None:
        path = check_path("folder", folder).absolute()
        check_place("folder", path, folder=True)
        yield path
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


@declared
def record_claim(folder: Path, claim: Mapping[str, Any]) -> None:
    """Write what `Study.claim` returned into a folder, unless it says so already."""
    check_keys("claim", claim, "config", "arms")
    found = _claimed(folder) or {**claim, "arms": {}}
    now = {**found, "arms": {**found["arms"], **claim["arms"]}}
    if now != found:
        write_record(folder / CLAIM, {"format": FORMAT, **now})


def _check_plan(name: str, plan: Any) -> list[Lineage]:
    """Return a plan as a list, if it is one of lineages."""
    listed = isinstance(plan, (list, tuple))
    wrong = [one for one in plan if not _is_lineage(one)] if listed else [plan]
    if wrong:
        raise ValueError(
            f"{name} is, or holds, {given(wrong[0])}; it must be a list of "
            "Lineage(arm, replicate, generations)"
        )
    return list(plan)


def _is_lineage(one: Any) -> bool:
    numbered = isinstance(one, Lineage) and isinstance(one.arm, str)
    return numbered and all(isinstance(n, (int, np.integer)) for n in one[1:])


def _claimed(folder: Path) -> dict[str, Any] | None:
    """Return what a folder says about itself, or None if nothing was run in it."""
    path = folder / CLAIM
    if not path.exists() and not (folder / "config.json").exists():
        kept = any(generations_in(folder / one.name) for one in _lineages_in(folder))
        if kept or any(folder.glob("first-*.npz")):
            raise ValueError(
                f"{folder} holds a run, but no {CLAIM} that says of which "
                "configuration and seed; put the file back, use another folder, or "
                "delete this one to start again"
            )
        return None
    try:
        found: dict[str, Any] = read_record(
            path, format=FORMAT, what="record of a study", remedy=REMEDY
        )
        return found
    except ValueError as error:
        raise ValueError(
            f"{folder} holds a run that is damaged or of another version, which "
            "this one cannot read or go on with; nothing in it was changed: use "
            f"another folder, or delete this one to start again ({error})"
        ) from None


def _as_stored(config: Any) -> dict[str, Any]:
    """Return a configuration as a file holds it: a number of numpy is a number."""
    if not isinstance(config, Mapping):
        raise ValueError(
            f"config is {given(config)}; it must be name -> value, as one of a "
            "chapter's SCALES"
        )
    stored = {}
    for name, value in config.items():
        try:
            stored[str(name)] = json.loads(to_json(value, _listed))
        except ValueError:
            raise ValueError(
                f"config has {name!r}: {given(value)}; it is kept in a file, so it "
                "must be made of numbers, texts, lists and mappings"
            ) from None
    return stored


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else None


def _is_there(folder: Path, lineage: Lineage) -> bool:
    return lineage.generations in generations_in(folder / lineage.name)


def _first_file(folder: Path, replicate: int) -> Path:
    return folder / f"first-{replicate}.npz"


def _lineages_in(folder: Path) -> list[Lineage]:
    """Return the lineages of a folder, however far they have come."""
    found = (LINEAGE.fullmatch(path.name) for path in sorted(folder.glob("*-*")))
    return [
        Lineage(match["arm"], int(match["replicate"]), np.iinfo(int).max)
        for match in found
        if match
    ]


def _joined(folder: Path, arm: str, runs: Mapping[int, list[int]]) -> History:
    """Return an arm as far as all its replicates have come."""
    shortest = min(runs.values(), key=len)
    parts = []
    for r in sorted(runs):
        part = history_in(folder / f"{arm}-{r}", shortest)
        if part.attrs["written_in"] != f"{arm}-{r}":
            raise ValueError(
                f"{folder / f'{arm}-{r}'} holds {part.attrs['written_in']}: give the "
                "folder its name back"
            )
        parts.append(part)
    joined = History.join(parts)
    return replace(joined, attrs={"replicates": sorted(runs)})


def _rounds(lineages: Sequence[Lineage]) -> list[list[Lineage]]:
    """Cut a plan where a lineage comes again: two cannot work on one at a time."""
    parts: list[list[Lineage]] = [[]]
    for lineage in lineages:
        if lineage.name in {one.name for one in parts[-1]}:
            parts.append([])
        parts[-1].append(lineage)
    return parts
