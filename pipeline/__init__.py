"""Runs the other rooms in their order: every result has a place of its own, and none is made twice."""
