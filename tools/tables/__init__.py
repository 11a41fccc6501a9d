"""The tables that tools/make_tables.py writes: contents.py says what stands in one, published.py holds the paper's rows, formats.py
makes it Markdown, CSV or LaTeX.
"""
