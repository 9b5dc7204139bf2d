#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void check(int fine, const char *what) {
    if (fine)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

void pause_us(long microseconds) {
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    while (nanosleep(&time, &time) != 0)
        check(errno == EINTR, "nanosleep");
}

char *map_private(size_t bytes) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    return memory;
}

void touch(char *memory, size_t bytes) {
    for (size_t at = 0; at < bytes; at += PAGE)
        ((volatile char *)memory)[at] = 1;
}

char *touched(size_t mib) {
    if (mib == 0)
        return NULL;
    char *memory = map_private(mib * MIB);
    touch(memory, mib * MIB);
    return memory;
}

int nameless_file(void) {
    char name[] = "file-XXXXXX";
    int file = mkstemp(name);
    check(file >= 0 && unlink(name) == 0, "mkstemp");
    return file;
}

void fill_file(int file, size_t mib) {
    static char block[64 * 1024];
    memset(block, 'x', sizeof block);
    for (size_t written = 0; written < mib * MIB; written += sizeof block)
        check(write(file, block, sizeof block) == sizeof block, "write");
}

void expect_good_end(int child) {
    int status = -1;
    check(waitpid(child, &status, 0) == child, "waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "a child ended with status %#x\n", status);
        exit(1);
    }
}

int main(int count, char **arguments) {
    const struct program *lists[] = {memory_programs, file_programs, process_programs};
    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++)
        for (const struct program *one = lists[list]; one->name != NULL; one++)
            if (count > 1 && strcmp(one->name, arguments[1]) == 0) {
                one->run(count > 2 ? strtoul(arguments[2], NULL, 10) : 0,
                         count > 3 ? strtoul(arguments[3], NULL, 10) : 0);
                return 0;
            }
    fputs("usage: programs NAME [MIB [MORE]]\n", stderr);
    return 2;
}
