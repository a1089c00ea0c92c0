"""What is drawn over the picture."""

from monitor.config.base import Section


class OverlaySettings(Section):
    """Switches of the annotated picture."""

    scores: bool = True
    banner: bool = True
