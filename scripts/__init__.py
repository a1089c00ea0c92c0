"""Programs for development; the product is in `monitor`."""
