"""Link the pages to the repository they were built from.

The address is that of the checkout (its remote ``origin``), so that the pages of a
fork point to the fork, and a checkout without a remote gets no dead links.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

#: ``git@host:owner/name`` or ``https://host/owner/name``, perhaps with a user in it.
REMOTE = re.compile(
    r"(?:https://(?:[^@/]*@)?|(?:ssh://)?git@)"
    r"(?P<host>github\.com|gitlab\.com|codeberg\.org)[/:]"
    r"(?P<path>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


def web_address(remote: str) -> str | None:
    """Return the web page of a remote, without any credentials, or None.

    Examples
    --------
    >>> web_address("git@github.com:someone/book.git")
    'https://github.com/someone/book'
    >>> web_address("/srv/git/book") is None
    True
    """
    match = REMOTE.fullmatch(remote.strip())
    return f"https://{match['host']}/{match['path']}" if match else None


def git_says(folder: Path, *arguments: str) -> str:
    """Return what git says of a checkout, or an empty string if it cannot say."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # no git, as in an unpacked archive
        return ""
    return done.stdout if done.returncode == 0 else ""


def origin(folder: Path) -> str:
    """Return the remote ``origin`` of a checkout, or an empty string."""
    return git_says(folder, "config", "--get", "remote.origin.url")


def add_buttons(app: Sphinx, config: Config) -> None:
    """Switch on the buttons to the repository and to Binder, where there is one."""
    address = web_address(origin(Path(app.srcdir)))
    if address is None:
        return
    options = config.html_theme_options
    options["repository_url"] = address
    options["repository_branch"] = "main"
    options["use_repository_button"] = True
    options["use_issues_button"] = True
    options["use_edit_page_button"] = True
    if address.startswith("https://github.com/"):
        # binder/ says what it installs there.
        options["launch_buttons"] = {
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        }


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # Before the theme reads its options.
    app.connect("config-inited", add_buttons, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
