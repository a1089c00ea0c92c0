"""Locks of the requirements files, and what is told from them."""
