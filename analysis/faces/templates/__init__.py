"""The page's template and style sheet: data only. In: nothing. Out: page.html.j2 and page.css."""
