"""Training, evaluation and export of TFOD2 mask detectors. Nothing else in the product imports this package."""
