"""TFOD2 model folders and the backends that run them, as implementations of the `Detector` port."""
