"""Check a machine's GPUs (or, in their place, CPU devices): each check in a process of its own, and a report of them all.

checks       what is checked, by name
running      a process with a limit of time, and how it ended
commands     the commands of a run from search to export, and of several processes
report       the table, the line to paste, JSON
"""
