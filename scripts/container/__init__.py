"""The container without a Docker engine: what `scripts/container-check` runs. Standard library only."""
