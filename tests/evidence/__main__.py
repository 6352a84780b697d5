"""`python -m tests.evidence` prints the table."""

import sys

from tests.evidence.report import rows, text

sys.stdout.write(text(rows()) + "\n")
