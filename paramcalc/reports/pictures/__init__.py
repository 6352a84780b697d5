"""Pictures as SVG text: for the report, the calculator page and notebooks."""
