"""Many machines: the release pointer of a block is in an engine that all of them reach, and every process follows it.

No code travels but in signed artifacts. Who moves the pointer is `rollout`, who follows it `follower`.
May import: core to coordination.
"""
