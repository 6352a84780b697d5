"""`python -m tests.docs` brings every shown output up to date: those of the documents, and the picture."""

import tempfile
from pathlib import Path

from tests.docs.blocks import DOCUMENTS, run
from tests.docs.picture import PICTURE, picture

for document in DOCUMENTS:
    with tempfile.TemporaryDirectory() as path:
        document.write_text(run(document.read_text("utf-8"), Path(path)), "utf-8")
PICTURE.parent.mkdir(exist_ok=True)
PICTURE.write_text(picture(), "utf-8")
