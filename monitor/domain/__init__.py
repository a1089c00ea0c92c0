"""The words of the house: values and ports, with no I/O, no threads and no picture library."""
