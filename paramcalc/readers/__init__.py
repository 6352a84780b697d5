"""From anything people have (YAML, config.json, headers) to a spec or a tree."""
