"""What a command does, apart from its command line: typed options in, typed results out.

A workflow composes the stages, raises MemcapError, and neither prints nor exits: its `Caller` says where messages go.
The command line and the functions of `memcap` itself (docs/python-api.md) call the same ones.
"""
