#!/bin/sh -e
# Runs outside, while the root file system is made; $1 is that file system. Unpacks the newest kernel without
# installing it, because its package would build an initramfs that nobody needs.
chroot "$1" sh -ec '
    cd /tmp
    name=$(apt-cache depends linux-image-cloud-amd64 | sed -n "s/.*Depends: \(linux-image-.*\)/\1/p" | head -n 1)
    apt-get download "$name"
    dpkg -x linux-image-*.deb /
    rm linux-image-*.deb
    depmod "$(ls /usr/lib/modules)"
'
