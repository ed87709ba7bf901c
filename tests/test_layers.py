"""The library's layers: arrows point downwards only, and nothing goes in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

# From top to bottom. A part may use what stands below it, and itself.
LAYERS = [
    {"studies"},
    {"book"},
    {"recursion"},
    {"regimes"},
    {"metrics"},
    {"models"},
    {"detection"},
    {"data"},
    {"theory", "claims", "provenance"},
    {"samples"},
    {"files"},
    {"declared"},
    {"checks"},
]
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}

Graph = dict[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Return name -> file of all modules of the library."""
    found = {}
    for path in sorted((root / "collapse_lib").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


def exported(root: Path, package: str) -> dict[str, str]:
    """Return name -> module it comes from, for the lazy names of a package."""
    stub = root.joinpath(*package.split("."), "__init__.pyi")
    if not stub.exists():
        return {}
    names = {}
    for node in ast.parse(stub.read_text("utf-8")).body:
        assert isinstance(node, ast.ImportFrom), f"{stub}: imports only"
        base = package.split(".")
        base = base[: len(base) - node.level + 1]
        source = ".".join([*base, *filter(None, [node.module])])
        for alias in node.names:
            names[alias.asname or alias.name] = f"{source}.{alias.name}"
    return names


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names a file imports, wherever in it that is written."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} line {node.lineno}: name it in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def resolved(name: str, known: dict[str, Path], root: Path) -> str | None:
    """Return the module that defines what is imported under a name."""
    for _ in range(9):  # a package may hand on what another one hands on
        if name in known and (name == "collapse_lib" or "." in name):
            return name
        package, _, attribute = name.rpartition(".")
        if package not in known:
            return None
        source = exported(root, package).get(attribute)
        if source is None:
            return package
        name = source
    raise AssertionError(f"{name} comes from nowhere")


def graph(root: Path) -> Graph:
    """Return module -> modules it imports, of the library alone."""
    known = modules(root)
    arrows: Graph = {}
    for module, path in known.items():
        names = (n for n in imports(path) if n.split(".")[0] == "collapse_lib")
        found = (resolved(name, known, root) for name in names)
        arrows[module] = {name for name in found if name and name != module}
    return arrows


def upward(arrows: Graph) -> list[str]:
    """Return the arrows from a layer to one above or beside it."""
    bad = []
    for module, targets in arrows.items():
        for target in targets:
            if "." not in module or "." not in target:
                continue
            part, other = module.split(".")[1], target.split(".")[1]
            if part != other and LEVEL[part] >= LEVEL[other]:
                bad.append(f"{module} -> {target}")
    return sorted(bad)


def circle(arrows: Graph) -> list[str]:
    """Return the modules of a circle in order, or nothing."""
    done: set[str] = set()

    def search(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for target in sorted(arrows.get(module, ())):
            found = search(target, [*path, module])
            if found:
                return found
        done.add(module)
        return []

    for module in sorted(arrows):
        found = search(module, [])
        if found:
            return found
    return []


@pytest.fixture(scope="module")
def arrows(root: Path) -> Graph:
    return graph(root)


def test_every_part_has_a_layer(root: Path) -> None:
    parts = {name.split(".")[1] for name in modules(root) if "." in name}
    assert parts == set(LEVEL)


def test_arrows_point_downwards(arrows: Graph) -> None:
    assert upward(arrows) == []


def test_nothing_goes_in_a_circle(arrows: Graph) -> None:
    assert " -> ".join(circle(arrows)) == ""


def test_only_studies_scripts_and_chapters_use_studies(arrows: Graph) -> None:
    users = {
        module
        for module, targets in arrows.items()
        if any(target.startswith("collapse_lib.studies") for target in targets)
    }
    assert all(user.startswith("collapse_lib.studies") for user in users), users


def test_the_graph_is_of_the_whole_library(arrows: Graph) -> None:
    loop = arrows["collapse_lib.recursion.loop"]
    assert "collapse_lib.samples" in loop
    assert "collapse_lib.regimes.base" in loop
    assert len(arrows) > 60


def test_no_module_imports_the_package_it_is_in(arrows: Graph) -> None:
    """That would be a circle through the lazy names of the package."""
    inside = {
        f"{module} -> {target}"
        for module, targets in arrows.items()
        for target in targets
        if module.startswith(f"{target}.")
    }
    assert inside == set()


UP = {"collapse_lib.models.base": {"collapse_lib.recursion.loop"}}
BESIDE = {"collapse_lib.theory.gaussian": {"collapse_lib.claims.estimate"}}
DOWN = {"collapse_lib.recursion.loop": {"collapse_lib.models.base"}}
ROUND = {"a": {"b"}, "b": {"c"}, "c": {"d", "b"}, "d": set()}


def test_an_arrow_that_points_up_is_found_and_named() -> None:
    assert upward(UP) == ["collapse_lib.models.base -> collapse_lib.recursion.loop"]
    assert upward(BESIDE) and upward(DOWN) == []


def test_a_circle_is_found_and_named() -> None:
    assert circle(ROUND) == ["b", "c", "b"]
    assert circle({**ROUND, "c": {"d"}}) == []


def test_imports_are_found_wherever_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from collapse_lib.recursion import History\n"
        "def f():\n    import collapse_lib.book.chapter\n"
    )
    assert set(imports(path)) == {
        "typing.TYPE_CHECKING",
        "collapse_lib.recursion.History",
        "collapse_lib.book.chapter",
    }


def test_lazy_names_are_followed_to_where_they_are_defined(root: Path) -> None:
    known = modules(root)
    for name, module in {
        "collapse_lib.recurse": "collapse_lib.recursion.loop",
        "collapse_lib.models.Gaussian": "collapse_lib.models.gaussian",
        "collapse_lib.regimes": "collapse_lib.regimes",
        "collapse_lib.checks.check_count": "collapse_lib.checks",
    }.items():
        assert resolved(name, known, root) == module
