/* Programs of known behaviour for the truth laboratory: one binary, `programs NAME ARGUMENTS`.
 *
 * Each ends with 0 only if all of it was done, its children's part too.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stddef.h>

#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)

struct program {
    const char *name;
    void (*run)(size_t mib, size_t more);
};

extern const struct program memory_programs[], file_programs[], process_programs[];

/* End with 1 and say why, unless `fine`. */
void check(int fine, const char *what);

/* Sleep. A held peak is held for HOLD, which any sampler sees. */
#define HOLD 50000
void pause_us(long microseconds);

/* Map so many bytes of private memory; `touch` writes to each of their pages. */
char *map_private(size_t bytes);
void touch(char *memory, size_t bytes);
char *touched(size_t mib);

/* Make an empty file without a name in the working directory, or write so many MiB to a file. */
int nameless_file(void);
void fill_file(int file, size_t mib);

/* Wait for a child and end with 1 if it did not end well. */
void expect_good_end(int child);

#endif
