"""The records of our own studies on CIFAR-10, in compact tables that ship with the package.

A report has few seeds and a small budget; what it cannot settle itself it sets beside these. `compact.py`
makes the tables from a workspace, `shipped.py` reads them. Everything is made by `tools/reference.py`.
"""
