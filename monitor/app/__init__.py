"""The composition root: the only package that turns settings into running objects."""
