"""Measures what a source delivers and whether its faces can be analysed, and advises what to change."""
