"""Figures for people: one page, Markdown, plots."""
