"""The protocol between a node and its clients, written once for both sides.

``routes`` names the paths, ``json_models`` the JSON of every object, ``rows`` the binary form of
data, ``plots`` its JSON form and ``faults`` the way errors travel. Nothing here knows an HTTP
library.
"""
