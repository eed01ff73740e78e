"""The lab page (`skipscope live`): a server that reads a workspace's files, and the page it serves.

Training knows nothing of it: what is shown is read from files, and asking for a stop writes one. The page is
`static/`: ES modules without a build step. `views/` is the server's half of each of its sections.
"""
