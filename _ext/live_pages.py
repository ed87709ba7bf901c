"""Let readers run the cells of chapters in their browser.

The pages of `CHAPTERS` load a small script. At the first click it fetches Python, which
``scripts/fetch_live.py`` has put below ``.venvs``, and runs the chapter's own code.
Where that is missing, the pages are what they would be without this extension.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import wordfreq
from docutils import nodes
from live_archive import Pack, tar, write
from myst_nb.ext.glue.roles import PasteTextRole
from offline import POLICY
from sphinx.application import Sphinx
from sphinx.util import logging

from collapse_lib.book.notebooks import CHAPTER, Notebook
from collapse_lib.data.corpora import SPLITS, corpus

#: Chapters of which most cells need nothing that the browser lacks.
CHAPTERS = (
    *("01", "02", "03", "04", "05", "08"),
    *("10", "11", "12", "13", "14", "15", "18", "19", "20"),
)
#: Tags of cells whose code the page does not show.
UNSEEN = {"remove-cell", "remove-input"}
HERE = Path(__file__).parent / "live"
PACKS = Path(__file__).parents[1] / ".venvs" / "live-python" / "packs"
#: What a page fetches before its first result.
FIRST = ("wasm", "numpy", "pandas", "book", "matplotlib")
ASSETS = (
    *("start.js", "live.css", "page.js", "cell.js", "editor.js", "outputs.js"),
    *("fetching.js", "worker.js"),
)
#: Pure Python that the library imports and no pack has.
LIBRARIES = ("fastjsonschema", "lazy_loader", "rfc8785", "tqdm", "yaml")
#: Modules of *cryptography* for which ``live_ed25519.py`` stands, and its names there.
SIGNING = {
    "cryptography/exceptions.py": "InvalidSignature",
    "cryptography/hazmat/primitives/asymmetric/ed25519.py": (
        "Ed25519PrivateKey, Ed25519PublicKey"
    ),
}
#: What the library reads at run time, apart from weights of networks, which need torch.
READ = {".py", ".pyi", ".json", ".png"}
#: The chapters' lists of words: size -> languages, kept in step with ``live_words.py``.
WORDS = {"best": ("en", "fi", "fr"), "small": ("en", "is")}

log = logging.getLogger(__name__)


# ---- pages ---------------------------------------------------------------------------


class NamedPasteTextRole(PasteTextRole):  # type: ignore[misc] # it has no types
    """A number of a chapter that the page's script finds by its name."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number, with its name as a class."""
        made, messages = super().run()
        for node in made:
            if isinstance(node, nodes.inline):
                node["classes"].append(f"glue-{self.text.partition(':')[0]}")
        return made, messages


def is_live(pagename: str) -> bool:
    """Return whether the cells of a page can be run on it."""
    name = pagename.removeprefix("chapters/")
    return bool(CHAPTER.fullmatch(pagename)) and name[:2] in CHAPTERS and PACKS.is_dir()


def name_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Give each code cell its place in the notebook as a class."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            cell["classes"].append(f"code-{cell['cell_index']}")


def add_script(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Load the script on the pages of the chosen chapters."""
    if is_live(pagename):
        app.add_css_file("live/live.css")
        app.add_js_file("live/start.js", loading_method="defer")
        # Python for the browser is compiled by the page's script.
        context["policy"] = {"script-src": f"{POLICY['script-src']} 'wasm-unsafe-eval'"}


def unseen_cells(notebook: Notebook) -> list[dict[str, Any]]:
    """Return the cells whose code is not on the page: place and code."""
    return [
        {"id": place, "code": cell["source"]}
        for place, cell in enumerate(notebook.content["cells"])
        if cell["cell_type"] == "code"
        and UNSEEN & set(cell["metadata"].get("tags", []))
    ]


# ---- what the pages fetch ------------------------------------------------------------


def copy_live(app: Sphinx, exception: Exception | None) -> None:
    """Copy Python and the book's library into the output of a build that went well."""
    if exception is not None or app.builder.format != "html":
        return
    if not PACKS.is_dir():
        log.info("The cells of the pages cannot be run in the browser: no %s.", PACKS)
        return
    pages = sorted(filter(is_live, app.env.found_docs))
    write_live(Path(app.srcdir), Path(app.outdir, "_static", "live"), pages)


def write_live(root: Path, target: Path, pages: list[str]) -> None:
    """Write all that the pages may fetch.

    Parameters
    ----------
    root
        The book's folder.
    target
        The folder to write, made anew.
    pages
        The names of the pages whose cells can be run.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(PACKS, target, ignore=shutil.ignore_patterns("packs.json"))
    for name in ASSETS:
        shutil.copyfile(HERE / name, target / name)
    made = json.loads((PACKS / "packs.json").read_text("utf-8"))
    packs: dict[str, Pack] = made["packs"]
    for size, languages in WORDS.items():
        for language in languages:
            name = f"words-{size}-{language}"
            packs[name] = write(target, name, tar(_words(language, size)))
    for split in SPLITS:
        name = f"chitchat-{split}"
        packs[name] = write(target, name, tar(_chitchat(split)))
    files = dict(_book(root, [page.partition("/")[2][:2] for page in pages]))
    files["live_index.json"] = json.dumps(made["index"]).encode()
    packs["book"] = write(target, "book", tar(files))
    unseen = {page: unseen_cells(Notebook(root / f"{page}.ipynb")) for page in pages}
    (target / "unseen").mkdir()
    for page, cells in unseen.items():
        name = page.partition("/")[2]
        (target / "unseen" / f"{name}.json").write_text(json.dumps(cells), "utf-8")
    told = {"packs": packs, "first": _first(target, packs)}
    (target / "manifest.json").write_text(json.dumps(told), "utf-8")


def _first(target: Path, packs: dict[str, Pack]) -> int:
    """Return how many bytes come before the first result, from a server that zips."""
    script = gzip.compress((target / "pyodide.asm.js").read_bytes())
    core = (target / "python_stdlib.zip").stat().st_size
    return sum(packs[name]["bytes"] for name in FIRST) + core + len(script)


def _book(root: Path, numbers: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the book's own part of what cells import and read, by path."""
    for library in LIBRARIES:
        folder = Path(str(import_module(library).__file__)).parent
        for path in folder.rglob("*.py"):
            yield path.relative_to(folder.parent).as_posix(), path.read_bytes()
    # The page's own Python, and what the build and the browser do to tables alike.
    for path in [*(HERE / "python").glob("*.py"), HERE.parent / "table_heads.py"]:
        yield path.name, path.read_bytes()
    for path in (root / "collapse_lib").rglob("*"):
        if path.suffix in READ:
            yield f"book/{path.relative_to(root).as_posix()}", path.read_bytes()
    yield "book/claims.yaml", (root / "claims.yaml").read_bytes()
    for path in (root / "_static").glob("*.svg"):
        yield f"book/_static/{path.name}", path.read_bytes()
    for number in numbers:
        for path in (root / "results" / number).glob("*.json"):
            yield f"book/{path.relative_to(root).as_posix()}", path.read_bytes()
    for module, names in SIGNING.items():
        yield module, f"from live_ed25519 import {names}\n".encode()
    release = version("wordfreq")
    told = f"Metadata-Version: 2.1\nName: wordfreq\nVersion: {release}\n"
    yield f"wordfreq-{release}.dist-info/METADATA", told.encode()


def _words(language: str, size: str) -> dict[str, bytes]:
    """Return a list of words, a line for each hundredth of a power of ten."""
    bands = wordfreq.get_frequency_list(language, size)
    text = "\n".join("\t".join(band) for band in bands)
    return {f"words/{size}-{language}.txt": text.encode()}


def _chitchat(split: str) -> dict[str, bytes]:
    """Return a part of the corpus as the library reads it, and the corpus' licence."""
    part = corpus("chitchat", split)
    told = {"documents": part.documents, "provenance": part.provenance}
    licence = distribution("chitchat-dataset").read_text("LICENSE")
    return {
        f"chitchat/{split}.json": json.dumps(told, ensure_ascii=False).encode(),
        "chitchat/LICENSE": str(licence).encode(),
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("myst_nb")  # which has the role that ours replaces
    app.add_role_to_domain("glue", "text", NamedPasteTextRole(), override=True)
    app.connect("doctree-read", name_cells)
    # Before offline.py writes the policy.
    app.connect("html-page-context", add_script, priority=400)
    app.connect("build-finished", copy_live)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
