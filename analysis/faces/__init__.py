"""Faces of one report: page, Markdown, JSON, terminal, files. In: a ReviewReport. Out: texts and files."""
