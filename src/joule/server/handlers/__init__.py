"""One file per noun: each handler reads its parameters, calls the node once and encodes.

What a route does is documented in the protocol pages; rules about names, locks and data live in
``joule.node``.
"""
