"""Mask Monitor: detects in video whether people wear a face mask correctly, wrongly or not at all."""

__version__ = "0.1.0"
