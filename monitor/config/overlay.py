"""What is drawn over the picture."""

from monitor.config.base import Section


class OverlaySettings(Section):
    """Switches of the annotated picture; without labels a face carries its sign alone."""

    labels: bool = True
    scores: bool = True
    banner: bool = True
