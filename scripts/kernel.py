"""The kernel that runs the book's notebooks, the same whoever starts it.

A kernel is found by its name, and reads what its user has set up: another ``python3``
on ``JUPYTER_PATH``, a profile of IPython, a style of matplotlib. Here it is always the
Python of this environment, with none of that; and it writes nothing below the user's
home, which may be read-only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

#: The kernel's name in a notebook: that of whatever environment a reader uses.
NAME = "python3"


class OwnSpecs(KernelSpecManager):
    """Knows one kernel, that of this environment, under every name."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return how this environment's kernel is started."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


class OwnKernelManager(AsyncKernelManager):
    """Starts the kernel of this environment, for nbclient and papermill."""

    @default("kernel_spec_manager")
    def _own_specs(self) -> OwnSpecs:
        return OwnSpecs(parent=self)


@contextmanager
def surroundings(threads: int | None = None) -> Iterator[None]:
    """Set the environment variables for kernels that start and end meanwhile.

    Parameters
    ----------
    threads
        How many a kernel uses, whatever its user has set; None leaves it to the user.
        Sums over more threads than one may differ in their last digits.
    """
    style = _matplotlib_style()
    before = dict(os.environ)
    with TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True) as folder:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
            os.environ[name] = str(Path(folder, name.lower()))
        os.environ["MATPLOTLIBRC"] = style
        # A kernel that inherits another backend shows no figure.
        os.environ.pop("MPLBACKEND", None)
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = str(threads)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _matplotlib_style() -> str:
    """Return the file with matplotlib's own style, and make its list of fonts.

    It makes the list when it is first used and, where it cannot keep it, names another
    place in ``MPLCONFIGDIR``. It reports both to the process that imports it first;
    that is this one, so that no kernel stores the report in a notebook.
    """
    from matplotlib import font_manager, get_data_path

    font_manager.get_font_names()
    return str(Path(get_data_path(), "matplotlibrc"))
