"""The command line: ``python -m collapse_lib.provenance record|verify|sign|export``.

It exits with 0 if all is done or verified, 1 if something is wrong, 2 if it was called
in a wrong way, and 3 if nothing is wrong, but nobody said whose signature to trust.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from collapse_lib.checks import refusal
from collapse_lib.files import check_path, write
from collapse_lib.files.reading import read_json
from collapse_lib.files.whole import write_json
from collapse_lib.provenance import croissant, keys
from collapse_lib.provenance import ledger as ledgers
from collapse_lib.provenance.croissant import in_words
from collapse_lib.provenance.fingerprint import Fingerprint, fingerprint, shown
from collapse_lib.provenance.ledger import Ledger
from collapse_lib.provenance.origin import HASH, Origin, check_time
from collapse_lib.provenance.verifying import verify

LEDGER = "origins.jsonl"
WRONG, MISUSED, OF_NOBODY, STOPPED = 1, 2, 3, 130
NOBODY: Mapping[int, str] = {}
#: What nobody can find out; each verdict on a file without a record says so.
STRIPPED = (
    "it may never have had one, or have lost it. A file without its record is just a "
    "file, and nothing in it tells"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except KeyboardInterrupt:
        _say("stopped; nothing half is kept: run it again", sys.stderr)
        return STOPPED
    except (OSError, ValueError, TypeError, ImportError) as error:
        _say(_one_line(error), sys.stderr)
        return WRONG


# ---- the commands -------------------------------------------------------------------


def _record(asked: argparse.Namespace) -> int:
    # Everything that takes time is read before the ledger is.
    found = {path: _recordable(path, asked) for path in asked.files}
    parents = [_parent(value) for value in asked.parents]

    def added() -> Ledger:
        ledger = _read_or_new(asked.ledger)
        for path, each in found.items():
            origin = _origin(asked, ledger, parents)
            ledger = ledger.record(_name(path, asked.ledger), each, origin)
        return ledger

    added()  # what is wrong is said before anything is written
    with ledgers.changing(asked.ledger):
        ledger = added()
        ledgers.save(asked.ledger, ledger)
    for entry in ledger.entries[-len(found) :]:
        _say(f"{_place(asked, entry)}: {_identity(entry)}, {in_words(entry)}")
    return 0


def _verify(asked: argparse.Namespace) -> int:
    if not asked.ledger.exists() and not asked.ledger.is_symlink():
        _say(f"there is no ledger {shown(asked.ledger)}: {STRIPPED}", sys.stderr)
        return WRONG
    trusted = [keys.read_public(value) for value in asked.key]
    head = None if asked.head is None else ledgers.content_of(asked.head, "head")
    ledger = ledgers.read(asked.ledger)
    verified = verify(ledger, trusted, head)
    signers = verified.signers if len(set(verified.signers.values())) > 1 else {}
    wrong = [
        path for path in asked.files if not _is_recorded(path, ledger, asked, signers)
    ]
    _say(f"{shown(asked.ledger)}: {_counted(ledger)}; nothing was changed or moved")
    for key in dict.fromkeys(verified.signers.values()):
        whose = "which you trust" if verified.trusted else "and you did not say whose"
        _say(f"signed with the key {key}, {whose}")
    if not verified.complete:
        _say("whether lines were cut from the end, only a --head kept elsewhere tells")
    if not verified.trusted and not wrong:
        _say("anybody can sign: name with --key whom you trust", sys.stderr)
    return WRONG if wrong else 0 if verified.trusted else OF_NOBODY


def _sign(asked: argparse.Namespace) -> int:
    head = asked.head or asked.ledger.with_name(f"{asked.ledger.name}.head")
    time = _time(asked.time)
    ledgers.read(asked.ledger)  # what is wrong is said before anything is written
    with ledgers.changing(asked.ledger):
        ledger = ledgers.read(asked.ledger)
        if not ledger.records:
            raise ValueError(f"{shown(asked.ledger)} holds no record to sign")
        if not all([_is_recorded(path, ledger, asked) for path in asked.files]):
            raise ValueError("nothing was signed: record what is there now, then sign")
        _check_replaceable_head(head)
        if asked.new:
            public = keys.new_key(asked.key)
            _say(f"{shown(asked.key)} is the private key: show it to nobody")
            _say(f"{shown(public)} is its public half: give it to everybody")
        key = keys.read_key(asked.key)
        if _is_signed_with(ledger, keys.public_of(key)):
            _say(f"{shown(asked.ledger)}: signed with this key already, nothing is new")
        else:
            ledger = ledger.sign(key, time)
            ledgers.save(asked.ledger, ledger)
            _say(f"{shown(asked.ledger)}: {_counted(ledger)}")
        write(head, ledger.lines[-1] + b"\n")
    _say(f"signed with the key {keys.public_of(key)}")
    _say(f"{shown(head)} is the newest signature: keep it elsewhere")
    return 0


def _export(asked: argparse.Namespace) -> int:
    if asked.output is not None and len(asked.files) > 1:
        _say("--output names one file: export one at a time", sys.stderr)
        return MISUSED
    ledger = ledgers.read(asked.ledger)
    made = {
        asked.output or _beside(path): croissant.record(ledger, path)
        for path in asked.files
    }
    for output in made:
        _check_replaceable_export(output)
    for output, content in made.items():
        write_json(output, content)
        _say(f"{shown(output)}: {content['name']}, {content['rai:dataCollection']}")
    return 0


# ---- what they need -----------------------------------------------------------------


def _recordable(path: Path, asked: argparse.Namespace) -> Fingerprint:
    """Return what identifies data; the ledger in them would change them."""
    real, ledger = (Path(os.path.realpath(each)) for each in (path, asked.ledger))
    if real == ledger or real in ledger.parents:
        raise ValueError(
            f"the ledger {shown(asked.ledger)} lies in {shown(path)}, and each record "
            "would change what is recorded; name one outside with --ledger"
        )
    return fingerprint(path)


def _parent(value: str) -> str:
    if HASH.fullmatch(value) and not Path(value).exists():
        return value
    return fingerprint(check_path("--from", value)).sha256


def _origin(asked: argparse.Namespace, ledger: Ledger, parents: list[str]) -> Origin:
    stated = "generation" in asked
    generation = asked.generation if stated else _generation(asked, ledger, parents)
    return Origin(
        author=asked.author,
        synthetic=asked.synthetic,
        model=asked.model,
        generation=generation,
        parents=parents,
        licence=asked.licence,
        description=asked.description,
        time=_time(asked.time),
    )


def _generation(
    asked: argparse.Namespace, ledger: Ledger, parents: list[str]
) -> int | None:
    """Return the generation that follows from the parents' records."""
    if asked.synthetic == 0:
        return 0
    known = {entry["sha256"]: entry["generation"] for entry in ledger.records}
    if missing := [parent for parent in parents if parent not in known]:
        raise ValueError(
            f"the ledger has no record of the parent {missing[0][:12]}..., so state "
            "--generation, or record that first"
        )
    if not parents and asked.model is None:
        return None
    generations = [known[parent] for parent in parents] or [0]
    if None in generations:
        return None
    return int(max(generations)) + (asked.model is not None)


def _read_or_new(path: Path) -> Ledger:
    return ledgers.read(path) if os.path.lexists(path) else Ledger.new()


def _is_recorded(
    path: Path,
    ledger: Ledger,
    asked: argparse.Namespace,
    signers: Mapping[int, str] = NOBODY,
) -> bool:
    """Say whether data are what was recorded, and what was said of them, by whom."""
    try:
        found = fingerprint(path)
    except (OSError, ValueError) as error:
        _say(_one_line(error), sys.stderr)
        return False
    entries = ledger.of(found)
    for entry in entries:
        line = entry["line"]
        whose = f", signed with {signers[line][:12]}..." if line in signers else ""
        _say(f"{shown(path)}: as recorded in line {line}, {in_words(entry)}{whose}")
    if entries:
        return True
    name = _name(path, asked.ledger)
    if same := [entry for entry in ledger.records if entry["name"] == name]:
        _say(
            f"{shown(path)}: not what line {same[-1]['line']} records under this name: "
            "changed since, or another file",
            sys.stderr,
        )
    else:
        _say(f"{shown(path)}: no record: {STRIPPED}", sys.stderr)
    return False


def _is_signed_with(ledger: Ledger, key: str) -> bool:
    last = ledger.entries[-1]
    return bool(last["kind"] == "signature" and last["key"] == key)


def _check_replaceable_head(path: Path) -> None:
    if os.path.lexists(path):
        content = ledgers.content_of(path, "head")
        try:
            ledgers.parse_line(content.removesuffix(b"\n"), "it")
        except ValueError:
            raise refusal(
                shown(path),
                "is there and no head of a ledger; name another with --head",
            ) from None


def _check_replaceable_export(path: Path) -> None:
    if os.path.lexists(path):
        try:
            ours = "origins:record" in read_json(path)
        except (ValueError, TypeError):
            ours = False
        if not ours:
            raise refusal(
                shown(path),
                "is there and no record that was exported; name another with --output",
            )


def _name(path: Path, ledger: Path) -> str:
    """Return what data are called: their place below the ledger, else their own name.

    Where a user keeps her files is nobody else's business.
    """
    full, base = (Path(os.path.abspath(each)) for each in (path, ledger.parent))
    return shown(
        full.relative_to(base).as_posix() if base in full.parents else full.name
    )


def _beside(path: Path) -> Path:
    full = Path(os.path.abspath(path))
    return path.parent / f"{full.name}.croissant.json"


def _place(asked: argparse.Namespace, entry: ledgers.Entry) -> str:
    return f"{shown(asked.ledger)}, line {entry['line']}"


def _identity(entry: ledgers.Entry) -> str:
    files = f"{entry['files']:,} files, " if "files" in entry else ""
    size = f"{files}{entry['bytes']:,} bytes"
    return f"{entry['name']} ({size}, sha256 {entry['sha256'][:12]}...)"


def _counted(ledger: Ledger) -> str:
    records = len(ledger.records)
    signatures = len(ledger.entries) - records
    return (
        f"{records:,} record{'s' * (records != 1)}, "
        f"{signatures:,} signature{'s' * (signatures != 1)}"
    )


def _time(value: str | None) -> str | None:
    if value == "now":
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None if value is None else check_time("--time", value)


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        error = OSError(f"{shown(error.filename or 'a file')}: {error.strerror}")
    return " ".join(str(error).split())


def _say(text: str, file: TextIO | None = None) -> None:
    """Print a line, whatever characters the terminal has."""
    file = file or sys.stdout
    encoding = file.encoding or "utf-8"
    safe = text.encode(encoding, "backslashreplace").decode(encoding)
    print(safe, file=file, flush=True)


# ---- how they are called ------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collapse_lib.provenance",
        description=(
            "Keep a ledger of where data come from, sign it, and compare files with "
            "it. A file that was changed is found, and so is whatever was done to the "
            "ledger. A file that lost its record is not: it is just a file."
        ),
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    record = _command(commands, "record", _record, "+", "add files to the ledger")
    record.add_argument("--author", required=True, help="who made the data")
    record.add_argument(
        "--synthetic", required=True, type=_share, metavar="SHARE",
        help="share that models made, from 0 to 1, or 'unknown'",
    )  # fmt: skip
    record.add_argument("--model", help="the model that made it")
    record.add_argument(
        "--from", dest="parents", action="append", default=[], metavar="FILE",
        help="what the data were made from: a file, a folder or a sha256 (repeatable)",
    )  # fmt: skip
    record.add_argument(
        "--generation", type=_whole, default=argparse.SUPPRESS,
        help="0 for what people made, or 'unknown'; default: from the parents' records",
    )  # fmt: skip
    record.add_argument("--licence", help="SPDX name or address of the licence")
    record.add_argument("--description", help="anything else")
    _add_time(record)
    verified = _command(
        commands, "verify", _verify, "*", "compare the ledger, and files, with what was"
    )
    verified.add_argument(
        "--key", action="append", default=[],
        help="a public key that you trust: 64 digits or a .pub file (repeatable)",
    )  # fmt: skip
    verified.add_argument(
        "--head", type=_path, help="the newest signature, as you kept it elsewhere"
    )
    sign = _command(
        commands, "sign", _sign, "*", "sign the ledger, if files are what was recorded"
    )
    sign.add_argument("--key", required=True, type=_path, help="your private key")
    sign.add_argument("--new", action="store_true", help="make the key first")
    sign.add_argument(
        "--head", type=_path, help="where the signature goes too; default: LEDGER.head"
    )
    _add_time(sign)
    export = _command(
        commands, "export", _export, "+", "write Croissant records beside files"
    )
    export.add_argument(
        "--output", type=_path, help="where; default: FILE.croissant.json"
    )
    return parser


def _command(
    commands: Any, name: str, run: Any, files: str, about: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=about, description=f"{about[0].upper()}{about[1:]}.",
        allow_abbrev=False,
    )  # fmt: skip
    command.add_argument(
        "files", nargs=files, type=_path, metavar="FILE", help="a file or a folder"
    )
    command.add_argument(
        "--ledger", type=_path, default=Path(LEDGER), help=f"default: {LEDGER}"
    )
    command.set_defaults(run=run)
    return command


def _add_time(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--time",
        help="a time such as 2026-01-31T12:00:00Z, or 'now'; default: none is stated",
    )


def _path(text: str) -> Path:
    try:
        return check_path("it", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _share(text: str) -> float | None:
    if text == "unknown":
        return None
    try:
        share = float(text)
        if 0 <= share <= 1:
            return share
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"it is {text!r:.60}; a number from 0 to 1 is needed (half of it is 0.5), or "
        "'unknown'"
    )


def _whole(text: str) -> int | None:
    if text == "unknown":
        return None
    if text.isascii() and text.isdigit() and len(text) < 7:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"it is {text!r:.60}; a whole number is needed, or 'unknown'"
    )


if __name__ == "__main__":
    sys.exit(main())
