"""Renders a report as a page, as Markdown, as PDF and as a Word document."""
