"""Bad input for the control socket and for artifacts: frames and files that nobody honest would send.

A process serves a block and has a control socket; frames are sent over real connections, and damaged artifacts are
loaded. None may run code, end the process, or keep it from serving; an audit hook of the interpreter tells what runs.
`inputs.py` makes them from a seed, so each can be made again. And what the control thread costs a process that is idle.

Run it with ``python -m benchmarks.bad_input``; ``--help`` tells the options.
"""
