"""Lossless runs over recordings, and what is left behind for the auditor."""
