"""TFOD2 model folders and the backends that run them, behind the `Detector` port."""
