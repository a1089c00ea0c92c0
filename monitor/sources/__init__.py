"""Where pictures come from: cameras, streams, video files and images, behind the `Source` port."""
