"""Measurements of the live monitor against attackers, a real browser and a simple loop; see README.md beside this."""
