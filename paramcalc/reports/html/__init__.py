"""Answers as HTML: the parts that the report, the calculator page and notebooks share."""
