"""For all tests."""

import signal

import pytest
from hypothesis import HealthCheck, settings

for profile, examples in (("smoke", 20), ("ci", 100), ("long", 1000)):
    # The same inputs each time but in a long run, which looks for new ones: a change answers for its own faults only.
    # No deadline of the clock and no check of the speed: a busy machine is no fault of the code.
    settings.register_profile(profile, max_examples=examples, print_blob=True, deadline=None,
                              derandomize=profile != "long", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("smoke")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a background job; children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch):
    """The terminal and the CI of whoever runs the tests do not shape what the tool prints."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "PARAMCALC_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
