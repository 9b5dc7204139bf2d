/* Files, pipes and shared memory: what can be written back or dropped, and what cannot. */
#define _GNU_SOURCE
#include "programs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

/* m1: pieces of 1 MiB into a file that is gone at once, beside `more` MiB of memory. */
static void temporary(size_t mib, size_t more) {
    touched(more);
    pause_us(500000);
    int file = nameless_file();
    fill_file(file, mib);
    close(file);
    pause_us(200000);
}

/* m3: page cache first, then as much memory for a tenth of a millisecond. */
static void cache_then_spike(size_t mib, size_t more) {
    int file = nameless_file();
    fill_file(file, mib);
    pause_us(100000);
    char *memory = mmap(NULL, more * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    pause_us(100);
    munmap(memory, more * MIB);
    pause_us(HOLD);
}

/* A file read several times, beside memory. */
static void read_again(size_t mib, size_t more) {
    static char block[64 * 1024];
    touched(more);
    int file = nameless_file();
    fill_file(file, mib);
    for (int round = 0; round < 3; round++) {
        check(lseek(file, 0, SEEK_SET) == 0, "lseek");
        while (read(file, block, sizeof block) > 0)
            ;
    }
    pause_us(HOLD);
}

static char *mapped_file(size_t mib, int flags) {
    int file = nameless_file();
    fill_file(file, mib);
    char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, flags, file, 0);
    check(memory != MAP_FAILED, "mmap");
    return memory;
}

/* A file written to through a shared map: dirty pages, which go to disk. */
static void mapped_shared(size_t mib, size_t more) {
    touched(more);
    touch(mapped_file(mib, MAP_SHARED), mib * MIB);
    pause_us(HOLD);
}

/* A file mapped privately and written to: each page becomes memory of the process. */
static void mapped_private(size_t mib, size_t more) {
    touched(more);
    touch(mapped_file(mib, MAP_PRIVATE), mib * MIB);
    pause_us(HOLD);
}

/* Locked pages of a file cannot be dropped. */
static void locked_file(size_t mib, size_t more) {
    touched(more);
    check(mlock(mapped_file(mib, MAP_SHARED), mib * MIB) == 0, "mlock");
    pause_us(HOLD);
}

static void new_pipe(int ends[2]) {
    check(pipe(ends) == 0, "pipe");
}

/* m5: pages of a file that lie in pipes. */
static void spliced(size_t mib, size_t more) {
    touched(more);
    int file = nameless_file();
    fill_file(file, mib);
    off_t at = 0;
    while ((size_t)at < mib * MIB) {
        int ends[2];
        new_pipe(ends);
        check(splice(file, &at, ends[1], NULL, 16 * PAGE, 0) > 0, "splice");
    }
    close(file);
    pause_us(HOLD);
}

/* Written bytes that nobody has read yet lie in pages of the kernel. */
static void piped(size_t mib, size_t more) {
    static char block[16 * 4096];
    memset(block, 'x', sizeof block);
    touched(more);
    for (size_t written = 0; written < mib * MIB; written += sizeof block) {
        int ends[2];
        new_pipe(ends);
        check(write(ends[1], block, sizeof block) == sizeof block, "write");
    }
    pause_us(HOLD);
}

/* m7: many empty files; their names and inodes are charged, and can be dropped. */
static void empty_files(size_t mib, size_t more) {
    char name[24];
    touched(mib);
    check(mkdir("many", 0755) == 0 && chdir("many") == 0, "mkdir");
    for (size_t number = 0; number < more; number++) {
        snprintf(name, sizeof name, "%zu", number);
        int file = open(name, O_WRONLY | O_CREAT, 0644);
        check(file >= 0, "open");
        close(file);
    }
    pause_us(HOLD);
}

/* Names that do not exist are remembered, too. */
static void missing_files(size_t mib, size_t more) {
    char name[40];
    struct stat found;
    touched(mib);
    for (size_t number = 0; number < more; number++) {
        snprintf(name, sizeof name, "no-such-file-%zu", number);
        check(stat(name, &found) != 0, "stat");
    }
    pause_us(HOLD);
}

/* A file on a tmpfs. */
static void tmpfs(size_t mib, size_t more) {
    touched(more);
    int file = open("/dev/shm/file", O_RDWR | O_CREAT, 0600);
    check(file >= 0, "open");
    fill_file(file, mib);
    pause_us(HOLD);
}

/* A file on a tmpfs that is deleted and written anew while somebody still has it open: both are there. */
static void tmpfs_deleted(size_t mib, size_t more) {
    (void)more;
    for (int round = 0; round < 2; round++) {
        int file = open("/dev/shm/file", O_RDWR | O_CREAT, 0600);
        check(file >= 0, "open");
        fill_file(file, mib);
        check(unlink("/dev/shm/file") == 0, "unlink");
    }
    pause_us(HOLD);
}

/* Memory with a descriptor, a part of which is given back by punching a hole. */
static void memory_file(size_t mib, size_t more) {
    int file = memfd_create("memory", 0);
    check(file >= 0, "memfd_create");
    fill_file(file, mib);
    check(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)(mib / 2 * MIB)) == 0, "fallocate");
    touched(more);
    pause_us(HOLD);
}

/* System V shared memory. */
static void system_v(size_t mib, size_t more) {
    touched(more);
    int id = shmget(IPC_PRIVATE, mib * MIB, IPC_CREAT | 0600);
    check(id >= 0, "shmget");
    char *memory = shmat(id, NULL, 0);
    check(memory != (char *)-1, "shmat");
    check(shmctl(id, IPC_RMID, NULL) == 0, "shmctl");
    touch(memory, mib * MIB);
    pause_us(HOLD);
}

const struct program file_programs[] = {
    {"temporary", temporary},         {"cache-then-spike", cache_then_spike},
    {"read-again", read_again},       {"mapped-shared", mapped_shared},
    {"mapped-private", mapped_private}, {"locked-file", locked_file},
    {"spliced", spliced},             {"piped", piped},
    {"empty-files", empty_files},     {"missing-files", missing_files},
    {"tmpfs", tmpfs},                 {"tmpfs-deleted", tmpfs_deleted},
    {"memory-file", memory_file},     {"system-v", system_v},
    {NULL, NULL},
};
