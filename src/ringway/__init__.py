"""Ringway: a SIP server, user agent and reference that keeps calls reaching people."""
