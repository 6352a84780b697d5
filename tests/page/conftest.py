"""The built page, served on this machine, in a browser without a screen."""

import functools
import http.server
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-quic", "--no-first-run"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_):
        """Say nothing."""


def missing():
    """What a test of the page lacks on this machine, or nothing."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    for what, there in (("a Chromium", browser), ("npm", shutil.which("npm")),
                        ("the extra `page`", importlib.util.find_spec("playwright"))):
        if not there:
            return f"{what} is not installed"
    return None


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built page; where something is missing, the tests are skipped, but in CI they fail."""
    if reason := missing():
        if os.environ.get("CI"):
            pytest.fail(f"the page cannot be tested: {reason}")
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("calculator") / "site"
    subprocess.run([sys.executable, ROOT / "docs/calculator/build.py", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def address(site):
    """Where the page is served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser(site):
    """Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    path = next(path for name in BROWSERS if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def page(browser, address):
    """The page after its first answer, with what it asked for and what went wrong in it."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.requests, opened.errors = [], []
    opened.on("request", lambda request: opened.requests.append(request.url))
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.on("console", lambda message: message.type == "error" and opened.errors.append(message.text))
    opened.goto(address)
    opened.wait_for_selector("#answer table", timeout=180_000)
    return opened
