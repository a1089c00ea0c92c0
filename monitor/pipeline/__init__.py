"""Threads and the hand-off between them."""
