"""Result objects to text: tables, JSON, markdown, CSV."""
