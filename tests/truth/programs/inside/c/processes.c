/* Children, threads and sockets. */
#define _GNU_SOURCE
#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int forked(void) {
    int child = fork();
    check(child >= 0, "fork");
    return child;
}

/* A child that writes to all of its parent's memory has a copy of it. */
static void copied(size_t mib, size_t more) {
    (void)more;
    char *memory = touched(mib);
    int child = forked();
    if (child == 0) {
        touch(memory, mib * MIB);
        pause_us(HOLD);
        _exit(0);
    }
    expect_good_end(child);
}

/* A child that only reads shares everything. */
static void shared(size_t mib, size_t more) {
    (void)more;
    char *memory = touched(mib);
    int child = forked();
    if (child == 0) {
        long sum = 0;
        for (size_t at = 0; at < mib * MIB; at += PAGE)
            sum += ((volatile char *)memory)[at];
        pause_us(HOLD);
        _exit(sum == 0);
    }
    expect_good_end(child);
}

/* So many children, each with memory of its own, all at the same time. */
static void at_once(size_t mib, size_t more) {
    int children[64], ready[2], go[2];
    char byte = 0;
    check(more <= 64 && pipe(ready) == 0 && pipe(go) == 0, "pipe");
    for (size_t number = 0; number < more; number++) {
        children[number] = forked();
        if (children[number] == 0) {
            close(go[1]);
            touched(mib);
            check(write(ready[1], &byte, 1) == 1, "write");
            _exit(read(go[0], &byte, 1) != 0);
        }
    }
    close(ready[1]);
    for (size_t number = 0; number < more; number++)
        check(read(ready[0], &byte, 1) == 1, "a child before it was ready");
    pause_us(HOLD);
    close(go[1]);
    for (size_t number = 0; number < more; number++)
        expect_good_end(children[number]);
}

/* So many children, one after another: the largest moment counts, not the sum. */
static void in_turn(size_t mib, size_t more) {
    for (size_t number = 0; number < more; number++) {
        int child = forked();
        if (child == 0) {
            touched(mib);
            pause_us(10000);
            _exit(0);
        }
        expect_good_end(child);
    }
}

/* m15: children that do nothing but exist. */
static void idle(size_t mib, size_t more) {
    static int children[1024];
    int ready[2];
    char byte = 0;
    check(more <= 1024 && pipe(ready) == 0, "so many children");
    touched(mib);
    for (size_t number = 0; number < more; number++) {
        children[number] = forked();
        if (children[number] == 0) {
            check(write(ready[1], &byte, 1) == 1, "write");
            pause();
            _exit(1);
        }
        check(read(ready[0], &byte, 1) == 1, "a child before it was ready");
    }
    pause_us(HOLD);
    for (size_t number = 0; number < more; number++)
        check(waitpid(children[number], NULL, WNOHANG) == 0, "a child before its time");
    for (size_t number = 0; number < more; number++)
        kill(children[number], SIGKILL);
    for (size_t number = 0; number < more; number++)
        check(waitpid(children[number], NULL, 0) == children[number], "waitpid");
}

/* m8: the parent does not wait for children, so the kernel reaps them. It hears of success through a pipe. */
static void ignored(size_t mib, size_t more) {
    int result[2];
    char byte = 0;
    (void)more;
    signal(SIGCHLD, SIG_IGN);
    check(pipe(result) == 0, "pipe");
    if (forked() == 0) {
        touched(mib);
        pause_us(HOLD);
        _exit(write(result[1], &byte, 1) != 1);
    }
    close(result[1]);
    check(read(result[0], &byte, 1) == 1, "the child's success");
}

/* A daemon: the memory is in a process whose parent is PID 1. */
static void daemon_process(size_t mib, size_t more) {
    int result[2];
    char byte = 0;
    (void)more;
    check(pipe(result) == 0, "pipe");
    int child = forked();
    if (child == 0) {
        if (forked() != 0)
            _exit(0);
        setsid();
        touched(mib);
        pause_us(HOLD);
        _exit(write(result[1], &byte, 1) != 1);
    }
    expect_good_end(child);
    close(result[1]);
    check(read(result[0], &byte, 1) == 1, "the daemon's success");
}

static pthread_barrier_t all_there;

static void *with_heap_and_stack(void *bytes) {
    volatile char frame[64 * 1024];
    for (size_t at = 0; at < sizeof frame; at += PAGE)
        frame[at] = 1;
    char *block = malloc((size_t)bytes);
    check(block != NULL, "malloc");
    touch(block, (size_t)bytes);
    pthread_barrier_wait(&all_there);
    pause_us(HOLD);
    return NULL;
}

/* `more` threads that share `mib` MiB: arenas and stacks. */
static void threads(size_t mib, size_t more) {
    static pthread_t ids[256];
    check(more <= 256, "so many threads");
    pthread_barrier_init(&all_there, NULL, (unsigned)more);
    for (size_t number = 0; number < more; number++) {
        errno = pthread_create(&ids[number], NULL, with_heap_and_stack, (void *)(mib * MIB / more));
        check(errno == 0, "pthread_create");
    }
    for (size_t number = 0; number < more; number++)
        pthread_join(ids[number], NULL);
}

/* Write to a socket until so many bytes are on their way; return how many it took. */
static size_t stuff(int socket, size_t limit) {
    static char block[16 * 1024];
    size_t total = 0;
    while (total < limit) {
        ssize_t sent = send(socket, block, sizeof block, MSG_DONTWAIT);
        if (sent < 0) {
            check(errno == EAGAIN, "send");
            break;
        }
        total += (size_t)sent;
    }
    return total;
}

/* Bytes in Unix sockets. */
static void unix_sockets(size_t mib, size_t more) {
    touched(more);
    for (size_t total = 0; total < mib * MIB;) {
        int ends[2];
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
        total += stuff(ends[0], mib * MIB - total);
    }
    pause_us(HOLD);
}

/* m4: bytes in TCP connections on the loopback. */
static void tcp_sockets(size_t mib, size_t more) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    touched(more);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 16) == 0, "listen");
    check(getsockname(listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    for (size_t total = 0; total < mib * MIB;) {
        int sender = socket(AF_INET, SOCK_STREAM, 0);
        check(sender >= 0 && connect(sender, (struct sockaddr *)&address, size) == 0, "connect");
        check(accept(listener, NULL, NULL) >= 0, "accept");
        size_t limit = mib * MIB - total;
        total += stuff(sender, limit < 256 * 1024 ? limit : 256 * 1024);
    }
    pause_us(HOLD);
}

/* Descriptors: each is an object of the kernel. */
static void descriptors(size_t mib, size_t more) {
    touched(mib);
    int all = epoll_create1(0);
    check(all >= 0, "epoll_create1");
    for (size_t number = 0; number < more; number++) {
        struct epoll_event event = {.events = EPOLLIN};
        int one = eventfd(0, 0);
        check(one >= 0 && epoll_ctl(all, EPOLL_CTL_ADD, one, &event) == 0, "eventfd");
    }
    pause_us(HOLD);
}

const struct program process_programs[] = {
    {"copied", copied},   {"shared", shared},   {"at-once", at_once},           {"in-turn", in_turn},
    {"idle", idle},       {"ignored", ignored}, {"daemon", daemon_process},     {"threads", threads},
    {"unix-sockets", unix_sockets},             {"tcp-sockets", tcp_sockets},   {"descriptors", descriptors},
    {NULL, NULL},
};
