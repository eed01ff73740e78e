"""The executor for a Ray cluster: the same worker on other machines, and no folder that they share.

`driver.py` here: where a task goes, what comes back. `relay.py` there: one worker process, whose pipe it
prolongs over the network. `transit.py`: a run's files on their way. `nodes.py`: which nodes there are.
"""
