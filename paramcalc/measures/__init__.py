"""Exact integers: folds over the leaves of a tree."""
