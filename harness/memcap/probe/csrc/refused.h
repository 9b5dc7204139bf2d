/* Why a program could not be started, which the kernel's error number says in part only. */
#pragma once
#include "apart.h"

#if defined(__x86_64__)
enum { OWN_MACHINE = 62 };
#else
enum { OWN_MACHINE = 183 };
#endif
enum { O_DO_NOT_WAIT = 04000, MAY_EXECUTE = 1, ERR_ACCESS = 13, ERR_DIRECTORY = 21, ERR_NO_EXEC = 8, ELF_LOADER = 3, ELF_PARTS = 64 };

static void because(const char *problem, const char *needs) {
    join(run.exec.problem, sizeof run.exec.problem, problem, 0, 0);
    join(run.exec.needs, sizeof run.exec.needs, needs, 0, 0);
}

static u64 number_at(const u8 *bytes, int size) {
    u64 value = 0;
    for (int i = size - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

static const char *machine_name(u64 machine) {
    return machine == 3 ? "i386" : machine == 40 ? "arm" : machine == 62 ? "x86_64" : machine == 183 ? "aarch64"
        : machine == 21 ? "ppc64" : machine == 22 ? "s390x" : machine == 243 ? "riscv" : "";
}

/* The program of the first line of a script, whose first bytes are "#!". */
static void because_of_interpreter(char *line) {
    u64 n = 0;
    for (line += 2; *line == ' ' || *line == '\t'; line++) {}
    while (line[n] && line[n] != ' ' && line[n] != '\t' && line[n] != '\n') n++;
    line[n] = 0;
    int is_windows = n && line[n - 1] == '\r';
    if (is_windows) line[n - 1] = 0;
    because(is_windows ? "line_ends" : "interpreter", line);
}

/* The dynamic loader that an ELF file of 32 or 64 bits asks for. */
static void because_of_loader(int fd, const u8 *head) {
    int wide = head[4] == 2;
    u64 table = number_at(head + (wide ? 32 : 28), wide ? 8 : 4);
    u64 size = number_at(head + (wide ? 54 : 42), 2), count = number_at(head + (wide ? 56 : 44), 2);
    for (u64 i = 0; i < count && i < ELF_PARTS; i++) {
        u8 part[56];
        char loader[sizeof run.exec.needs];
        if (SYS4(NR_PREAD, fd, part, sizeof part, table + i * size) < 20 || number_at(part, 4) != ELF_LOADER) continue;
        u64 place = number_at(part + (wide ? 8 : 4), wide ? 8 : 4);
        i64 n = SYS4(NR_PREAD, fd, loader, sizeof loader - 1, place);
        if (n <= 0) return;
        loader[n] = 0;
        because("loader", loader);
        return;
    }
}

/* Look at what could not be started, as the user that it was to run as. What cannot be read stays unexplained. */
static void explain_refusal(const char *path) {
    char head[256];
    int fd = open_file(path, O_READ | O_DO_NOT_WAIT);
    if (fd == -ERR_NO_ENTRY) because("missing", "");
    if (fd < 0) return;
    i64 n = SYS4(NR_PREAD, fd, head, sizeof head - 1, 0);
    head[n > 0 ? n : 0] = 0;
    int is_elf = n >= 64 && number_at((u8 *)head, 4) == 0x464c457f;
    if (n == -ERR_DIRECTORY) because("directory", "");
    else if (run.exec.error == ERR_ACCESS && SYS3(NR_FACCESSAT, AT_CWD, path, MAY_EXECUTE) < 0) because("not_executable", "");
    else if (run.exec.error == ERR_NO_EXEC && is_elf && number_at((u8 *)head + 18, 2) != OWN_MACHINE)
        because("architecture", machine_name(number_at((u8 *)head + 18, 2)));
    else if (run.exec.error == ERR_NO_EXEC) because("format", "");
    else if (head[0] == '#' && head[1] == '!') because_of_interpreter(head);
    else if (is_elf) because_of_loader(fd, (u8 *)head);
    close_file(fd);
}
