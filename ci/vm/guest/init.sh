#!/bin/sh
# PID 1 of the virtual machine: what Docker needs, and then Docker.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup

# A cgroup that shares out controllers may hold no processes itself.
mkdir /sys/fs/cgroup/init
echo $$ > /sys/fs/cgroup/init/cgroup.procs
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
done

for module in virtio_net overlay bridge br_netfilter veth nf_tables nft_compat nft_chain_nat \
    xt_conntrack xt_MASQUERADE xt_addrtype; do
    modprobe "$module" || echo "no module $module"
done
hostname memcap-vm
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
echo nameserver 10.0.2.3 > /etc/resolv.conf

# --tls=false is said, because otherwise dockerd waits to make one think about it. QEMU gives the port to this machine only.
dockerd --host unix:///run/docker.sock --host tcp://0.0.0.0:2375 --tls=false
echo "dockerd ended with $?"
busybox poweroff -f
