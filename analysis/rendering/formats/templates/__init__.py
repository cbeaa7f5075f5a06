"""The templates of the page and of its figures, its style sheet and its script: data only. In: nothing. Out: texts."""
