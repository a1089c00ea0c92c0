"""What is drawn over the picture."""

from pydantic import Field

from monitor.config.base import Section


class OverlaySettings(Section):
    """Switches of the annotated picture."""

    labels: bool = Field(default=True, title="Labels")
    """A face carries its state in words; without them its sign alone."""
    scores: bool = Field(default=True, title="Scores")
    """A face carries its score."""
    banner: bool = Field(default=True, title="Banner")
    """A line at the top sums the picture up."""
