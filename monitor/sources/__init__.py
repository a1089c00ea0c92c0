"""Cameras, streams, video files and images, as implementations of the `Source` port."""
