"""The command line: what it says of a stranger's files, and what it leaves."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collapse_lib.files import sha256_of, whole
from collapse_lib.provenance import __main__ as command
from collapse_lib.provenance import ledger

ADA = ["--author", "Ada Example", "--synthetic", "0"]
STRIPPED = (
    "it may never have had one, or have lost it. A file without its record is just a "
    "file, and nothing in it tells\n"
)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, a text and pictures, which is the working folder."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "human.csv").write_bytes("text,likes\nnaïve,3\n".encode("latin-1"))
    (folder / "tweets.txt").write_text("hello\nhello\n")
    (folder / "images" / "ü 1.png").write_bytes(b"\x89PNG")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; give the exit status and what it said."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = command.main([str(each) for each in arguments])
        except SystemExit as stopped:  # of the reader of arguments
            status = int(stopped.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def signed(run: Run, data: Path) -> Path:
    """A signed ledger of three data sets; give the public key."""
    assert run("record", "human.csv", "images", *ADA)[0] == 0
    mixed = ["--author", "Ada", "--synthetic", "0.5", "--model", "GPT-2"]
    assert run("record", "tweets.txt", *mixed, "--from", "human.csv")[0] == 0
    assert run("sign", "--new", "--key", "../keys/ada")[0] == 0
    return data.parent / "keys" / "ada.pub"


def everything(folder: Path) -> dict[Path, bytes | None]:
    """Return all that is in a folder."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def one_line(said: str) -> bool:
    return said.count("\n") == 1 and said.endswith("\n") and "Traceback" not in said


# ---- what goes well -----------------------------------------------------------------


def test_the_four_commands_follow_each_other(
    run: Run, data: Path, signed: Path
) -> None:
    trusted = ["--key", signed, "--head", "origins.jsonl.head"]
    status, out, err = run("verify", "human.csv", "images", "tweets.txt", *trusted)
    assert (status, err) == (0, "")
    assert out.splitlines()[:4] == [
        "human.csv: as recorded in line 2, made by Ada Example, generation 0, 0 % "
        "synthetic",
        "images: as recorded in line 3, made by Ada Example, generation 0, 0 % "
        "synthetic",
        "tweets.txt: as recorded in line 4, made by Ada, generation 1, 50 % synthetic "
        f"by GPT-2, from {sha256_of(data / 'human.csv')[:12]}...",
        "origins.jsonl: 3 records, 1 signature; nothing was changed or moved",
    ]
    assert f"signed with the key {signed.read_text().strip()}, which you trust" in out
    assert "cut from the end" not in out
    assert run("verify", *trusted[:2])[1].endswith(
        "only a --head kept elsewhere tells\n"
    )
    status, out, _ = run("export", "human.csv", "images")
    assert status == 0
    for name in ("human.csv", "images"):
        found = json.loads((data / f"{name}.croissant.json").read_text("utf-8"))
        assert found["name"] == name and found["origins:generation"] == 0


def test_the_same_is_written_again(run: Run, data: Path, signed: Path) -> None:
    before = (data / "origins.jsonl").read_bytes()
    run("export", "human.csv", "--output", "a.json")
    shutil.rmtree(data.parent / "again", ignore_errors=True)
    again = shutil.copytree(data, data.parent / "again")
    (again / "origins.jsonl").unlink()
    os.chdir(again)
    run("record", "human.csv", "images", *ADA)
    mixed = ["--author", "Ada", "--synthetic", "0.5", "--model", "GPT-2"]
    run("record", "tweets.txt", *mixed, "--from", "human.csv")
    run("sign", "--key", "../keys/ada")
    assert (again / "origins.jsonl").read_bytes() == before
    run("export", "human.csv", "--output", "b.json")
    assert (again / "a.json").read_bytes() == (again / "b.json").read_bytes()


def test_generations_follow_from_the_parents(run: Run, data: Path) -> None:
    def record(name: str, *how: str) -> str:
        (data / name).write_text(name)
        status, out, err = run("record", name, "--author", "A", *how)
        return out.partition("generation ")[2][:9] if status == 0 else err

    from_model = ("--synthetic", "1", "--model", "m")
    assert record("people", "--synthetic", "0").startswith("0,")
    assert record("one", *from_model, "--from", "people").startswith("1,")
    assert record("two", *from_model, "--from", "one").startswith("2,")
    both = ("--from", "people", "--from", "two")
    assert record("mixed", "--synthetic", "0.5", *both).startswith("2,")
    assert record("picked", "--synthetic", "0", "--from", "mixed").startswith("0,")
    assert record("first", *from_model).startswith("1,")
    assert record("web", "--synthetic", "unknown").startswith("unknown")
    assert record("of web", *from_model, "--from", "web").startswith("unknown")
    assert record("said", *from_model, "--generation", "7").startswith("7,")
    assert record("unsaid", *from_model, "--generation", "unknown").startswith(
        "unknown"
    )
    foreign = ("--from", "0" * 64)
    says = "the ledger has no record of the parent 000000000000..., so state"
    assert record("far", *from_model, *foreign).startswith(says)
    assert record("near", *from_model, *foreign, "--generation", "3").startswith("3,")


def test_times_are_stated_on_request_only(run: Run, data: Path, signed: Path) -> None:
    assert b'"time"' not in (data / "origins.jsonl").read_bytes()
    then = "2026-01-31T12:00:00Z"
    run("record", "human.csv", *ADA, "--time", then)
    run("record", "human.csv", *ADA, "--time", "now")
    run("sign", "--key", "../keys/ada", "--time", then)
    entries = ledger.read("origins.jsonl").entries
    assert [each.get("time", "")[:4] for each in entries[-3:]] == ["2026"] * 3
    assert entries[-1]["time"] == then
    assert run("record", "human.csv", *ADA, "--time", "noon")[2].startswith(
        "--time is 'noon'; it must be a time with its zone"
    )


def test_where_a_user_keeps_her_files_is_not_told(run: Run, data: Path) -> None:
    secret = data.parent / "secret project" / "x.txt"
    secret.parent.mkdir()
    secret.write_text("x")
    run("record", secret, data / "images" / "ü 1.png", ".//tweets.txt", *ADA)
    names = [each["name"] for each in ledger.read("origins.jsonl").records]
    assert names == ["x.txt", "images/ü 1.png", "tweets.txt"]


def test_odd_names_and_a_plain_terminal(data: Path) -> None:
    """In another process, whose terminal has no letters but those of English."""
    odd = [b"\xff\xfe", b"line\nbreak", "ü 漢 😀".encode(), b"-rf", b"a\x1b[2Jb"]
    for name in odd:
        Path(os.fsdecode(name)).write_bytes(name)
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    asked = [sys.executable, "-m", "collapse_lib.provenance"]
    done = subprocess.run(
        [*asked, "record", *ADA, "--", *odd], env=plain, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.count("\n") == 5
    assert "\x1b" not in done.stdout
    names = [each["name"] for each in ledger.read("origins.jsonl").records]
    assert names == [r"\xff\xfe", r"line\nbreak", "ü 漢 😀", "-rf", r"a\x1b[2Jb"]


# ---- what is found ------------------------------------------------------------------


def test_a_changed_file_is_found(run: Run, data: Path, signed: Path) -> None:
    with (data / "human.csv").open("ab") as file:
        file.write(b"bot,9\n")
    (data / "images" / "2.png").write_bytes(b"new")
    status, out, err = run("verify", "human.csv", "images", "--key", signed)
    assert status == 1 and "as recorded" not in out
    assert err == (
        "human.csv: not what line 2 records under this name: changed since, or another "
        "file\nimages: not what line 3 records under this name: changed since, or "
        "another file\n"
    )
    assert run("sign", "human.csv", "--key", "../keys/ada")[2].endswith(
        "nothing was signed: record what is there now, then sign\n"
    )


def test_a_file_that_lost_its_record_is_just_a_file(
    run: Run, data: Path, signed: Path
) -> None:
    (data / "kept.csv").write_bytes((data / "human.csv").read_bytes())
    assert run("verify", "kept.csv", "--key", signed)[0] == 0  # by its content
    (data / "new.csv").write_text("x")
    said = run("verify", "new.csv", "--key", signed)
    assert said[0] == 1 and said[2] == f"new.csv: no record: {STRIPPED}"
    (data / "origins.jsonl").unlink()
    assert run("verify", "human.csv", "--key", signed) == (
        1, "", f"there is no ledger origins.jsonl: {STRIPPED}",
    )  # fmt: skip


def test_a_changed_ledger_is_found(run: Run, data: Path, signed: Path) -> None:
    path = data / "origins.jsonl"
    true = path.read_bytes()
    lines = true.splitlines(keepends=True)
    for content, says in [
        (
            true.replace(b'"synthetic":0.5', b'"synthetic":0.1'),
            "line 5: it does not fol",
        ),
        (b"".join([*lines[:2], *lines[3:]]), "line 3: it says that it is line 4"),
        (b"".join(lines[:3]), "nobody has signed lines 2 to 3"),
        (b"", "it is empty"),
        (true[:-1], "it ends in the middle of line 5"),
    ]:
        path.write_bytes(content)
        for asked in (
            ["verify"],
            ["sign", "--key", "../keys/ada"],
            ["export", "images"],
        ):
            status, out, err = run(*asked, *(["--key", signed] * (asked == ["verify"])))
            if "nobody" in says and asked != ["verify"]:
                continue  # that is no damage: it can be signed
            assert status == 1 and out == "" and one_line(err) and says in err
            assert path.read_bytes() == content


def test_a_cut_ledger_is_found_by_a_head_alone(
    run: Run, data: Path, signed: Path
) -> None:
    path, trusted = data / "origins.jsonl", ["--key", signed]
    short = path.read_bytes()
    run("record", "tweets.txt", "--author", "B", "--synthetic", "unknown")
    run("sign", "--key", "../keys/ada", "--head", "../kept.head")
    path.write_bytes(short)
    assert run("verify", *trusted)[0] == 0
    status, _, err = run("verify", *trusted, "--head", "../kept.head")
    assert status == 1 and one_line(err) and "the rest was cut off" in err


def test_a_foreign_key_is_found(run: Run, data: Path, signed: Path) -> None:
    (data / "origins.jsonl").unlink()
    run("record", "human.csv", *ADA)
    run("sign", "--new", "--key", "../keys/eve")
    status, _, err = run("verify", "human.csv", "--key", signed)
    assert status == 1 and one_line(err) and "none of those you trust" in err
    status, out, err = run("verify", "human.csv")
    assert status == 3 and "and you did not say whose" in out
    assert err == "anybody can sign: name with --key whom you trust\n"
    both = ["--key", signed, "--key", "../keys/eve.pub"]
    assert run("verify", "human.csv", *both)[0] == 0


def test_who_signed_which_record_is_said(run: Run, data: Path, signed: Path) -> None:
    run("record", "human.csv", "--author", "Bob", "--synthetic", "unknown")
    run("sign", "--new", "--key", "../keys/bob")
    bob = signed.with_name("bob.pub")
    status, out, _ = run("verify", "human.csv", "--key", signed, "--key", bob)
    by = [f"signed with {key.read_text()[:12]}..." for key in (signed, bob)]
    assert status == 0 and [line[-len(by[0]) :] for line in out.splitlines()[:2]] == by


# ---- what is refused ----------------------------------------------------------------


def test_nothing_is_recorded_if_one_file_cannot_be(run: Run, data: Path) -> None:
    (data / "empty").touch()
    os.mkfifo("pipe")
    Path("dead").symlink_to("nowhere")
    for name, says in [
        ("nothing", "there is no nothing"),
        ("empty", "empty is empty: there is nothing to tell it from other empty ones"),
        ("pipe", "pipe is a device, a pipe or a socket; files and folders can be"),
        ("dead", "dead is a link to nothing"),
        ("x" * 300, "cannot be read (File name too long)"),
    ]:
        before = set(data.rglob("*"))
        status, out, err = run("record", "human.csv", name, *ADA)
        assert status == 1 and not out and one_line(err) and says in err
        parent = run("record", "human.csv", *ADA, "--from", name)
        assert parent[0] == 1 and says in parent[2]
        assert set(data.rglob("*")) == before
    absent = run("verify", "--ledger", "new/folder/x")
    assert absent[0] == 1 and not Path("new").exists()
    wrong = run("record", "human.csv", *ADA, "--model", "m", "--ledger", "new/x")
    assert wrong[0] == 1 and not Path("new").exists()


def test_the_ledger_is_not_in_what_it_records(run: Run, data: Path) -> None:
    for path, kept in [(".", "origins.jsonl"), ("images", "images/deep/l.jsonl")]:
        status, _, err = run("record", path, *ADA, "--ledger", kept)
        assert status == 1 and one_line(err) and "name one outside with --ledger" in err
    Path("link").symlink_to(".")
    assert "name one outside" in run("record", "link", *ADA)[2]
    Path("link").unlink()
    run("record", "human.csv", *ADA)
    assert "lies in origins.jsonl" in run("record", "origins.jsonl", *ADA)[2]
    status, out, _ = run("record", ".", *ADA, "--ledger", "../l.jsonl")
    assert status == 0 and out.startswith("../l.jsonl, line 2: data (4 files, ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "the following arguments are required: COMMAND"),
        (
            ["record", "x"],
            "the following arguments are required: --author, --synthetic",
        ),
        (["record", *ADA], "the following arguments are required: FILE"),
        (["record", "x", "--author", "A", "--synthetic", "50"], "it is '50'; a number"),
        (["record", "x", *ADA, "--generation", "-1"], "it is '-1'; a whole number"),
        (["record", "x", *ADA, "--generation", "one"], "it is 'one'; a whole number"),
        (["record", "", *ADA], "it is ''; it must be the path of a file or folder"),
        (["sign"], "the following arguments are required: --key"),
        (["export", "a", "b", "--output", "c"], "--output names one file"),
        (["forge"], "invalid choice: 'forge'"),
        (["verify", "--led", "x"], "unrecognized arguments: --led"),
    ],
)
def test_a_wrong_call_is_said(run: Run, arguments: list[str], says: str) -> None:
    status, out, err = run(*arguments)
    assert status == 2 and not out and says in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["record", "human.csv", "--author", "\x1b", "--synthetic", "0"], "author has"),
        (["record", "human.csv", *ADA, "--model", "m"], "synthetic is 0, but model is"),
        (
            ["record", "human.csv", *ADA, "--from", "human.csv"],
            "is named as its own par",
        ),
        (
            ["record", "human.csv", *ADA, "--ledger", "tweets.txt"],
            "no ledger of origins",
        ),
        (
            ["record", "human.csv", *ADA, "--ledger", "images"],
            "is no file; a ledger is",
        ),
        (["record", "human.csv", *ADA, "--ledger", "human.csv"], "lies in human.csv"),
        (["record", "human.csv", *ADA, "--ledger", "tweets.txt/x"], "tweets.txt"),
        (["sign", "--key", "../none"], "there is no ledger origins.jsonl"),
        (["export", "human.csv"], "there is no ledger origins.jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, data: Path, arguments: list[str], says: str
) -> None:
    before = everything(data.parent)
    status, out, err = run(*arguments)
    assert status == 1 and not out and one_line(err) and says in err
    assert everything(data.parent) == before


def test_no_file_of_a_user_is_written_over(run: Run, data: Path, signed: Path) -> None:
    for arguments, says in [
        (
            ["sign", "--key", "../keys/ada", "--head", "human.csv"],
            "no head of a ledger",
        ),
        (["sign", "--key", "human.csv", "--new"], "is there already; a key is never"),
        (
            ["export", "human.csv", "--output", "tweets.txt"],
            "no record that was export",
        ),
        (["export", "human.csv", "--output", "images"], "no record that was exported"),
        (
            ["export", "human.csv", "--output", "origins.jsonl"],
            "no record that was exp",
        ),
    ]:
        before = everything(data.parent)
        status, _, err = run(*arguments)
        assert status == 1 and one_line(err) and says in err
        assert everything(data.parent) == before
    assert run("export", "human.csv")[0] == run("export", "human.csv")[0] == 0


def test_keys_are_kept_out_of_checkouts_and_of_what_is_printed(
    run: Run, data: Path, signed: Path
) -> None:
    private = signed.with_suffix("")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    secret = private.read_text().splitlines()[1]
    (data / ".git").mkdir()
    for key in ("ada", "images/ada", data / "deep" / "ada"):
        status, out, err = run("sign", "--new", "--key", key)
        assert status == 1 and not out and one_line(err)
        assert f"{key} lies in a checkout of a repository ({data})" in err
    assert not list(data.rglob("ada*"))
    said = [
        *run("sign", "--key", private)[1:],
        *run("verify", "--key", private)[1:],
        *run("verify", "--head", private)[1:],
        *run("verify", "--ledger", private)[1:],
        *run("export", "images", "--ledger", private)[1:],
    ]
    assert "its public half is in" in "".join(said)
    assert secret not in "".join(said)


def test_signing_again_adds_nothing(run: Run, data: Path, signed: Path) -> None:
    before = (data / "origins.jsonl").read_bytes()
    (data / "origins.jsonl.head").unlink()
    status, out, _ = run("sign", "--key", "../keys/ada")
    assert status == 0 and "signed with this key already, nothing is new" in out
    assert (data / "origins.jsonl").read_bytes() == before
    assert before.endswith((data / "origins.jsonl.head").read_bytes())


def test_what_the_extra_brings_is_named_where_it_is_missing(
    run: Run, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package, arguments in [
        ("rfc8785", ["record", "human.csv", *ADA]),
        ("cryptography", ["verify", "--key", signed]),
    ]:
        with monkeypatch.context() as patch:
            for module in [*sys.modules, package]:
                if module.partition(".")[0] == package:
                    patch.setitem(sys.modules, module, None)
            status, out, err = run(*arguments)
        assert status == 1 and not out and one_line(err)
        assert f"needs the package {package} (pip install .[provenance])" in err


# ---- interrupted --------------------------------------------------------------------


def test_a_full_disk_loses_nothing(
    run: Run, data: Path, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = everything(data.parent)
    monkeypatch.setattr(whole.os, "fsync", full)
    for arguments in (
        ["record", "images", *ADA],
        ["sign", "--new", "--key", "../keys/bob"],
        ["export", "images"],
    ):
        status, _, err = run(*arguments)
        assert (
            status == 1
            and one_line(err)
            and err.endswith(": No space left on device\n")
        )
        assert everything(data.parent) == before


def test_ctrl_c_is_no_traceback(
    run: Run, data: Path, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(path: Path) -> None:
        raise KeyboardInterrupt

    before = everything(data.parent)
    monkeypatch.setattr(command, "fingerprint", stopped)
    assert run("record", "images", *ADA) == (
        130, "", "stopped; nothing half is kept: run it again\n",
    )  # fmt: skip
    assert everything(data.parent) == before


KILLED = """
import os, sys, time
from collapse_lib.files import sha256_of, whole
from collapse_lib.provenance.__main__ import main
def stall(handle):
    print("ready", flush=True)
    time.sleep(60)
os.fsync = stall
main(sys.argv[1:])
"""


@pytest.mark.parametrize("asked", ["record", "sign"])
def test_a_killed_command_leaves_the_old_ledger_and_no_lock(
    asked: str, run: Run, data: Path, signed: Path
) -> None:
    before = (data / "origins.jsonl").read_bytes()
    run("record", "images", *ADA)
    longer = (data / "origins.jsonl").read_bytes()
    arguments = {
        "record": ["record", "tweets.txt", *ADA],
        "sign": ["sign", "--key", "../keys/ada"],
    }[asked]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert (data / "origins.jsonl").read_bytes() == longer != before
    status, _, err = run(*arguments)
    assert (status, err) == (0, "")
    assert len(ledger.read("origins.jsonl").lines) == longer.count(b"\n") + 1
