"""For all tests."""

import pytest


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch):
    """The terminal and the CI of whoever runs the tests do not shape what the tool prints."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "PARAMCALC_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
