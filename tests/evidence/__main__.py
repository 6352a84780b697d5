"""`python -m tests.evidence` prints the table; with `--write`, puts its summary into the README."""

import sys

from tests.evidence.readme import write
from tests.evidence.report import rows, text

if sys.argv[1:] == ["--write"]:
    write()
else:
    sys.stdout.write(text(rows()) + "\n")
