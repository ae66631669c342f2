"""The other end of the control sockets: all processes of a service are asked together, from the command line.

May import: core to control. Nothing of a block is in this process.
"""
