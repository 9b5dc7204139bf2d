#!/bin/busybox sh
# The initramfs: the kernel has ext4 and PCI built in, but the disk's driver is a module.
/bin/busybox insmod /virtio_blk.ko
/bin/busybox mount -t devtmpfs dev /dev
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 -o noatime /dev/vda /root
exec /bin/busybox switch_root /root /sbin/init
