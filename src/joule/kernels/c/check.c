/* One pass over packed rows: do the timestamps rise, are the values finite? */
#include "kernels.h"

typedef uint16_t halves __attribute__((vector_size(VECTOR_BYTES)));

/* Finds values with all bits of the exponent set, which are NaN and infinity. What is no part of
 * an exponent, and what lies behind the last value of a row, has no bits and wants some: never. */
struct pattern {
    halves bits, wanted;
};

/* What is known before the first row is looked at. */
struct plan {
    const struct rows *rows;
    struct pattern pattern, last; /* for the last vector of a row */
};

static struct pattern pattern_of(struct kind kind, size_t bytes)
{
    static const uint16_t exponents[] = {[2] = 0x7c00, [4] = 0x7f80, [8] = 0x7ff0};
    uint16_t bits[VECTOR_BYTES / 2], wanted[VECTOR_BYTES / 2];
    for (size_t i = 0; i < VECTOR_BYTES / 2; i++) {
        int is_high = (2 * i + 2) % kind.bytes == 0, is_inside = 2 * i < bytes;
        bits[i] = is_high && is_inside ? exponents[kind.bytes] : 0;
        wanted[i] = bits[i] ? bits[i] : 1;
    }
    struct pattern pattern;
    memcpy(&pattern.bits, bits, VECTOR_BYTES);
    memcpy(&pattern.wanted, wanted, VECTOR_BYTES);
    return pattern;
}

/* No branch in the loop: whether any row of the strip matches. The exponent of all types is in the
 * highest two bytes of a value. */
static inline int matches(struct strip strip, struct pattern pattern)
{
    halves row, found = {0};
#pragma GCC unroll 4
    for (size_t i = 0; i < strip.count; i++) {
        memcpy(&row, strip.data + i * strip.step, VECTOR_BYTES);
        found |= (halves)((row & pattern.bits) == pattern.wanted);
    }
    uint64_t any[2];
    memcpy(any, &found, sizeof any);
    return (any[0] | any[1]) != 0;
}

static int has_infinite(const struct plan *plan, size_t first, size_t count)
{
    const struct rows *rows = plan->rows;
    uint8_t spare[STRIP_ROWS * VECTOR_BYTES];
    if (rows->kind.letter != 'f')
        return 0;
    for (size_t offset = TIME_BYTES; offset < rows->row_bytes; offset += VECTOR_BYTES) {
        size_t bytes = least(VECTOR_BYTES, rows->row_bytes - offset);
        struct strip strip = strip_at(rows, first, count, offset, bytes, spare);
        if (matches(strip, bytes < VECTOR_BYTES ? plan->last : plan->pattern))
            return 1;
    }
    return 0;
}

static int has_falling(const struct plan *plan, size_t first, size_t count)
{
    size_t step = plan->rows->row_bytes;
    const uint8_t *row = plan->rows->data + first * step, *end = row + count * step;
    int falls = 0;
    if (!first)
        row += step; /* there is none before it */
#pragma GCC unroll 4
    for (; row < end; row += step)
        falls |= time_at(row) <= time_at(row - step);
    return falls;
}

/* Find the first row in question: strip by strip, in the strip that has it row by row. */
typedef int question(const struct plan *, size_t first, size_t count);

static void look(const struct plan *plan, size_t first, size_t count, question *ask, size_t *found)
{
    if (*found < plan->rows->count || !ask(plan, first, count))
        return;
    for (size_t i = first; i < first + count; i++)
        if (ask(plan, i, 1)) {
            *found = i;
            return;
        }
}

void check(const struct rows *rows, size_t *falling, size_t *infinite)
{
    struct plan plan = {.rows = rows};
    if (rows->kind.letter == 'f') {
        plan.pattern = pattern_of(rows->kind, VECTOR_BYTES);
        plan.last = pattern_of(rows->kind, (rows->row_bytes - TIME_BYTES) % VECTOR_BYTES);
    }
    *falling = *infinite = rows->count;
    for (size_t first = 0; first < rows->count; first += STRIP_ROWS) {
        size_t count = least(STRIP_ROWS, rows->count - first);
        look(&plan, first, count, has_falling, falling);
        look(&plan, first, count, has_infinite, infinite);
        if (*falling < rows->count && *infinite < rows->count)
            return;
    }
}
