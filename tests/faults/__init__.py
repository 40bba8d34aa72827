"""The presence engine from outside: real server processes over one Valkey, real sockets, real faults.

How it fits together, from the bottom up:

* `timings`  every duration of a run; `CHATSRV_TEST_FULL=1` takes the product's defaults instead of the quick ones.
* `waiting`, `windows`  polling with a deadline, sampling beside a scenario, and instants held against a window.
* `valkey`, `nodes`, `proxy`  what can be killed, paused and cut: the server of the data, `chatsrv serve`, the wire.
* `cluster`  all of them together, with an app: what a test is given.
* `raw`, `stock`  clients: one on the bare wire, and python-socketio's as it comes.
* `light`    a client of which thousands fit into a test. `callers`  REST without a pause, and what came of it.
* `watcher`  a client that watches others and writes down every change with the moment of its arrival.
* `crowd`    the users and clients of one test, on any node; they are gone when the test ends.

A test asks for `crowd` (on a calm cluster that the tests of this process share, so it must leave every server as it
found it) or for `cluster` and makes its crowd itself (on servers of its own, with which it may do anything).

`reconnect_storm` is a test for `make soak` alone.
"""
