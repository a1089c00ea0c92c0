"""Values and ports shared by all packages, with no I/O, no threads and no image library."""
