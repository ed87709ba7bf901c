"""The cluster that tests share leaves nothing behind."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def variables(request: pytest.FixtureRequest) -> Iterator[None]:
    before = dict(os.environ)
    yield
    after = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    before.pop("PYTEST_CURRENT_TEST", None)
    assert after == before


def test_a_cluster_leaves_no_variable_of_the_environment(cluster: object) -> None:
    assert "__DASK_PARENT_PID" in os.environ
