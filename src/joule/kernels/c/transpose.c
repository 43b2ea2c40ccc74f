/* Shuffle and unshuffle: transposition of bytes, in tiles of 16 x 16.
 *
 * Four tiles one after the other fill a cache line of each plane. Planes often lie a power of two
 * apart, so that their lines compete for the same few places of the cache: a line is better
 * written, or read, at one go.
 */
#include "kernels.h"

#define TILE 16
#define LINE 64

typedef uint8_t bytes16 __attribute__((vector_size(TILE)));

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif
#ifndef PICK
#define PICK(a, b, ...) __builtin_shuffle(a, b, (bytes16){__VA_ARGS__})
#endif
#define ZIP_LOW(a, b) PICK(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) PICK(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

static inline void zip(const bytes16 *from, bytes16 *to)
{
    for (int i = 0; i < TILE / 2; i++) {
        to[2 * i] = ZIP_LOW(from[i], from[i + TILE / 2]);
        to[2 * i + 1] = ZIP_HIGH(from[i], from[i + TILE / 2]);
    }
}

/* Each zip halves the distance of what belongs together: four of them transpose. */
static inline void transpose_tile(const uint8_t *from, size_t from_step, uint8_t *to,
                                  size_t to_step)
{
    bytes16 a[TILE], b[TILE];
    for (int i = 0; i < TILE; i++)
        memcpy(&a[i], from + i * from_step, TILE);
    zip(a, b);
    zip(b, a);
    zip(a, b);
    zip(b, a);
    for (int i = 0; i < TILE; i++)
        memcpy(to + i * to_step, &a[i], TILE);
}

/* One line of each of up to 16 planes. Reads 16 bytes of every record. */
static inline void shuffle_line(const uint8_t *records, size_t size, uint8_t *planes, size_t count,
                                size_t width)
{
    uint8_t lines[TILE * LINE];
    for (int i = 0; i < LINE; i += TILE)
        transpose_tile(records + i * size, size, lines + i, LINE);
    for (size_t i = 0; i < width; i++)
        memcpy(planes + i * count, lines + i * LINE, LINE);
}

/* As shuffle_line, back. Writes 16 bytes of every record, the later over the earlier. */
static inline void unshuffle_line(const uint8_t *planes, size_t count, uint8_t *records,
                                  size_t size, size_t width)
{
    uint8_t lines[TILE * LINE];
    for (size_t i = 0; i < width; i++)
        memcpy(lines + i * LINE, planes + i * count, LINE);
    for (size_t i = width; i < TILE; i++)
        memset(lines + i * LINE, 0, LINE);
    for (int i = 0; i < LINE; i += TILE)
        transpose_tile(lines + i, LINE, records + i * size, size);
}

/* Where the line after `done` records begins: the last one goes over some records again. */
static inline size_t line_start(size_t done, size_t count)
{
    return done + LINE <= count ? done : count - LINE;
}

/* Whether 16 bytes of each of the 64 records from `start` on lie inside all the records. */
static inline int is_inside(size_t start, size_t count, size_t size)
{
    return (count - start) * size >= (LINE - 1) * size + TILE;
}

void shuffle(const uint8_t *records, size_t count, size_t size, uint8_t *planes)
{
    uint8_t spare[(LINE + 1) * TILE] = {0};
    if (count < LINE) {
        for (size_t i = 0; i < size; i++)
            for (size_t k = 0; k < count; k++)
                planes[i * count + k] = records[k * size + i];
        return;
    }
    size_t width = least(size, TILE);
    for (size_t done = 0; done < count; done += LINE) {
        size_t start = line_start(done, count);
        const uint8_t *from = records + start * size;
        if (!is_inside(start, count, size))
            from = memcpy(spare, from, LINE * size);
        for (size_t i = 0; i < size; i += TILE) {
            size_t column = least(i, size - width);
            shuffle_line(from + column, size, planes + column * count + start, count, width);
        }
    }
}

void unshuffle(const uint8_t *planes, size_t count, size_t size, uint8_t *records)
{
    uint8_t spare[(LINE + 1) * TILE];
    if (count < LINE) {
        for (size_t k = 0; k < count; k++)
            for (size_t i = 0; i < size; i++)
                records[k * size + i] = planes[i * count + k];
        return;
    }
    size_t width = least(size, TILE);
    for (size_t done = 0; done < count; done += LINE) {
        size_t start = line_start(done, count);
        int inside = is_inside(start, count, size);
        uint8_t *to = inside ? records + start * size : spare;
        for (size_t i = 0; i < size; i += TILE) {
            size_t column = least(i, size - width);
            unshuffle_line(planes + column * count + start, count, to + column, size, width);
        }
        if (!inside)
            memcpy(records + start * size, spare, LINE * size);
    }
}
