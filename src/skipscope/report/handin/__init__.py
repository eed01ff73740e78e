"""The chapters that one reads and hands in, in order (`chapters.py`).

Every statement says on what it rests (`report/statements.py`): the runs of this workspace, the reference
that ships with the package, a count, or a work that is cited. `evidence.py` chooses between them, `prose.py`
writes them.
"""
