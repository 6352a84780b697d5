"""What each command says, one class each: for Python, `--json`, `paramcalc schema` and the tables."""
