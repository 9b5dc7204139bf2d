"""A virtual machine with Docker on cgroup v2: a daemon that is elsewhere, as Docker Desktop's is (docs/vm.md)."""
