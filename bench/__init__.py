"""Measures what the README's speed table says: run it with ``python -m bench``."""
