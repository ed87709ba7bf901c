"""Whatever part of the tests is run: chapters are run and compared in one way."""

pytest_plugins = ["nbval_chapters"]
