"""Figures: what is drawn, as data and as positions on paper. In: a ReviewReport. Out: figures that a format renders."""
