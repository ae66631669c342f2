"""What a server holds for ever: WSGI and ASGI applications each of whose requests runs in one generation.

May import: core to api.
"""
