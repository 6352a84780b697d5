"""Towers: what stands beside a text model or is a model of its own, one file for those that are made alike.

`tables` says which function makes which, by the model type of its config; `composite` joins towers to a text model;
`parts` are what they are made of. To add a tower: a function of its config, and a line in the table.
"""
