"""Rules, budgets and differences: what a repository's CI asks."""
