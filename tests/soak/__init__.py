"""A soak: one server under mixed load for as long as is asked for, and checkers that look for what only time shows.

`python -m tests.soak --minutes 30` (`make soak`). How it fits together, from the bottom up:

* `latencies`   how long each kind of thing took, in each fifth of the run.
* `checks`      findings, and the pure rules that make them: memory, descriptors, tasks, keys, what a follower missed.
* `site`        the server, as one starts it by hand, and what it takes of the machine.
* `world`       the users, the gate that makes a quiet moment, and where everybody writes down what happened.
* `visitors`    sockets that come, act, and go in all ways in which sockets go.
* `requests`    REST in four dialects, at a steady rate.
* `followers`   clients that follow versions through everything, by socket and by REST, and are held against the truth.
* `run`         warm-up, rest, load, rest.   `report`   what is told of it.

What may grow by design is made to be full before anything is measured: memory for rows and answers is kept small, the
warm-up asks for all users once, and the log of changes has reached its length. So a server whose memory still grows
afterwards has a leak.
"""
