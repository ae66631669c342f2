"""WSGI and ASGI applications that a server can hold for ever: each request runs in one generation.

May import: core to api.
"""
