"""YAML and JSON as plain values with their places, and what to say of what is wrong in them."""
