"""Small changes of the core's arithmetic, and whether a test notices: `python -m tests.mutation`."""
