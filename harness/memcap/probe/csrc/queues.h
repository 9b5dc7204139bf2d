/* What lies in pipes and Unix sockets: on cgroup v1 a part of the one sum for all kernel memory, which it explains.
 *
 * Pipes hold at most what was written and not to be stored, and PIPE_CAPACITY each (pipe(7)); a process can have one for
 * two of its descriptors. Which of them are pipes is not looked at: for each that /proc/PID/fd lists, the kernel makes a
 * name and an inode, at the container's expense. What lies in the Unix sockets of a network namespace the kernel tells
 * (sock_diag(7), SK_MEMINFO_WMEM_ALLOC); only a container has one to itself. */
#pragma once
#include "text.h"

enum { PIPE_CAPACITY = 64 << 10, NETLINK = 16, RAW_NOW = 3 | 02000000 | 04000, SOCK_DIAG = 4, ASK_BY_FAMILY = 20,
       ASK_FOR_ALL = 0x301, SHOW_MEMORY = 0x20, ABOUT_MEMORY = 5, IN_SEND_QUEUE = 2 };

struct message { u32 size; unsigned short type, flags; u32 sequence, port; }; /* struct nlmsghdr */
struct asking { struct message head; u8 family, protocol; unsigned short pad; u32 states, inode, show, cookie[2]; };
struct about_socket { struct message head; u8 family, type, state, pad; u32 inode, cookie[2]; }; /* unix_diag_msg */
struct attribute { unsigned short size, type; u32 values[IN_SEND_QUEUE + 1]; }; /* struct nlattr */

static i64 in_send_queue(const struct about_socket *socket, const char *end) {
    for (const char *at = (const char *)(socket + 1); at + sizeof(struct attribute) <= end;) {
        const struct attribute *one = (const struct attribute *)at;
        if (one->type == ABOUT_MEMORY) return one->values[IN_SEND_QUEUE];
        if (one->size < 4) break;
        at += (one->size + 3) & ~3;
    }
    return 0;
}

static i64 in_unix_sockets(void) {
    struct asking question = {{sizeof question, ASK_BY_FAMILY, ASK_FOR_ALL, 1, 0}, 1, 0, 0, ~0U, 0, SHOW_MEMORY, {0, 0}};
    i64 held = 0, size;
    int socket = (int)SYS3(NR_SOCKET, NETLINK, RAW_NOW, SOCK_DIAG);
    if (socket < 0) return 0;
    int more = SYS3(NR_WRITE, socket, &question, sizeof question) > 0;
    while (more && (size = SYS3(NR_READ, socket, text, sizeof text)) > 0) {
        for (const char *at = text; more && at + sizeof(struct message) <= text + size;) {
            const struct about_socket *one = (const struct about_socket *)at;
            more = one->head.type == ASK_BY_FAMILY && one->head.size >= sizeof *one;
            if (more) held += in_send_queue(one, at + one->head.size);
            at += (one->head.size + 3) & ~3U;
        }
    }
    close_file(socket);
    return held;
}
