/* Drop the page cache of files, so that the next run reads them from disk: posix_fadvise(POSIX_FADV_DONTNEED) on every
 * regular file below a folder. It needs no privilege, and overlayfs hands it on to the file of the image's layer. Pages
 * that some process has mapped, or that are not written yet, stay. */
#pragma once
#include "text.h"

enum { DONT_NEED = 4, A_FOLDER = 4, A_FILE = 8, DEEPEST = 48 };

static void evict_below(int folder, int depth) {
    char entries[2048];
    i64 size;
    while (depth < DEEPEST && (size = SYS3(NR_GETDENTS64, folder, entries, sizeof entries)) > 0) {
        for (i64 at = 0; at < size;) {
            char *entry = entries + at, *name = entry + 19, kind = entry[18]; /* struct linux_dirent64 */
            at += (i64)(u8)entry[16] | (i64)(u8)entry[17] << 8;
            if (same(name, ".") || same(name, "..") || (kind != A_FOLDER && kind != A_FILE)) continue;
            if (depth == 0 && (same(name, "proc") || same(name, "sys") || same(name, "dev"))) continue;
            int fd = (int)SYS4(NR_OPENAT, folder, name, O_CLOSE_ON_EXEC, 0);
            if (fd < 0) continue;
            if (kind == A_FOLDER) evict_below(fd, depth + 1);
            else SYS4(NR_FADVISE, fd, 0, 0, DONT_NEED);
            close_file(fd);
        }
    }
}

static void evict(const char *path) {
    int folder = open_file(path, O_READ);
    if (folder >= 0) evict_below(folder, 0);
    close_file(folder);
}
