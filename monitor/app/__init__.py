"""The composition root: the only room that turns settings into running objects."""
