"""What is drawn over the picture."""

from pydantic import Field

from monitor.config.base import Section


class OverlaySettings(Section):
    """What is drawn over the annotated picture."""

    labels: bool = Field(default=True, title="Labels")
    """Faces are labelled with their state in words; otherwise with a symbol only."""
    scores: bool = Field(default=True, title="Scores")
    """Faces are labelled with their score."""
    banner: bool = Field(default=True, title="Banner")
    """A line at the top summarises the picture."""
