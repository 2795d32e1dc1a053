"""The page of the view inside: what was measured, packed into one HTML file that needs nothing else."""

from unroll.viewer.page import look_html
from unroll.viewer.scene import Scene, scene_of

__all__ = ["Scene", "look_html", "scene_of"]
