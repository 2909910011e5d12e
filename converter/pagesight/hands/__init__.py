"""Rendered number hands: the pictures of the built-in example."""

from pagesight.hands.rendering import render, render_folder, render_room

__all__ = ["render", "render_folder", "render_room"]
