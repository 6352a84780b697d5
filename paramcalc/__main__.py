"""`python -m paramcalc`."""

from paramcalc.cli import start

start()
