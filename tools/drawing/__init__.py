"""Pictures: what a figure is made of. Nothing here knows of run directories; scripts hand over architectures, graphs and numbers.

the look of every figure         figures.py (matplotlib), palette.py (colours, labels, units)
a block                          dag.py (its graph), layout.py (where things stand), dot.py (for Graphviz)
blocks drawn                     blocks.py (on a page), pen.py (boxes and edges), legends.py
a search that moves              frames.py (the block after each epoch), moving.py (SVG, GIF)
in a notebook                    notebook.py
λ over time                      heatmap.py
charts                           charts.py (bars, points), naming.py (names beside points), pareto.py (the front)
"""
