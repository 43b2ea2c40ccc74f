/* The loops over packed rows: plain C on bytes, no Python.
 *
 * Written with the vector types of GCC and Clang, 16 bytes wide: SSE2, NEON or plain registers,
 * whatever the machine has. Rows may lie at any address. No function reads or writes a byte
 * outside the lengths it is given; what the bytes say cannot change that.
 */
#ifndef JOULE_KERNELS_H
#define JOULE_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rows are little-endian: on other machines Joule uses numpy"
#endif

#define TIME_BYTES 8
#define VECTOR_BYTES 16
#define STRIP_ROWS 64

/* A datatype of values, and the size of one of them. */
struct kind {
    char letter; /* i, u or f */
    size_t bytes;
};

/* `count` packed rows: an int64 timestamp and `width` values each. */
struct rows {
    const uint8_t *data;
    size_t count;
    size_t row_bytes;
    size_t width;
    struct kind kind;
};

/* Results of grouping, one entry per group, or per group and column, at any address. */
struct groups {
    uint8_t *times; /* int64: sum of timestamps, counted from that of the first row */
    uint8_t *minimum;
    uint8_t *maximum;
    uint8_t *total; /* int64, float64 for floats; modulo 2^64 */
};

/* `count` records to `size` planes of one byte of each record, and back. */
void shuffle(const uint8_t *records, size_t count, size_t size, uint8_t *planes);
void unshuffle(const uint8_t *planes, size_t count, size_t size, uint8_t *records);

/* Reduce the rows from each of the int64 `starts` up to the next; 0 when these do not begin with 0
 * and rise, all below the number of rows. */
int group(const struct rows *rows, const uint8_t *starts, size_t count, const struct groups *out);
int can_group(struct kind kind);

/* Find the first row that is not later than the one before it, and the first with a value that is
 * not finite; the number of rows when there is none. */
void check(const struct rows *rows, size_t *falling, size_t *infinite);

/* Up to STRIP_ROWS rows of a piece of columns, of which VECTOR_BYTES can be read in each row. */
struct strip {
    const uint8_t *data;
    size_t step;
    size_t count;
};

/* Give the rows from `first` on, at `offset` in the row, where `bytes` bytes count. Vectors may
 * reach into the next row; where the rows end before that they are copied to `spare`. */
static inline struct strip strip_at(const struct rows *rows, size_t first, size_t count,
                                    size_t offset, size_t bytes, uint8_t *spare)
{
    const uint8_t *data = rows->data + first * rows->row_bytes + offset;
    size_t to_end = (rows->count - first) * rows->row_bytes - offset;
    if (to_end >= (count - 1) * rows->row_bytes + VECTOR_BYTES)
        return (struct strip){data, rows->row_bytes, count};
    memset(spare, 0, count * VECTOR_BYTES);
    for (size_t i = 0; i < count; i++)
        memcpy(spare + i * VECTOR_BYTES, data + i * rows->row_bytes, bytes);
    return (struct strip){spare, VECTOR_BYTES, count};
}

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline int64_t time_at(const uint8_t *row)
{
    int64_t time;
    memcpy(&time, row, TIME_BYTES);
    return time;
}

#endif
