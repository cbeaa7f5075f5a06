"""The page's template and style sheet: data only. In: nothing. Out: report.html.j2 and report.css."""
