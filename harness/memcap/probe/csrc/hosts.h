/* Names for the loopback, as Docker writes them for the network `none`: it leaves the file empty where a container has its
 * networking disabled, and `localhost` would not resolve. */
#pragma once
#include "sys.h"

static void write_hosts(void) {
    static const char hosts[] = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
                                "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
    char any;
    int fd = open_file("/etc/hosts", O_READ_WRITE);
    if (SYS3(NR_READ, fd, &any, 1) == 0) SYS3(NR_WRITE, fd, hosts, sizeof hosts - 1);
    close_file(fd);
}
