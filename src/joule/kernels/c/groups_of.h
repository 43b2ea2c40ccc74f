/* Grouping for one datatype; included once for each, with these names:
 *
 * NAME   ending of the names      VALUE  its C type
 * PART   type that holds the sum of STRIP_ROWS values      TOTAL  type of all sums, unsigned for
 *        integers, so that they wrap around
 * LESSER, GREATER   of two vectors, where the machine has an instruction for it
 *
 * Sums are pairwise: eight rows in three steps, strips of 64 rows one eight after the other, then
 * halves of the group. The longest way of a value into a sum of n is 11 + log2(n / 64) additions.
 */
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define OF(name) PASTE(name, NAME)
#define LANES (VECTOR_BYTES / sizeof(VALUE))

typedef VALUE OF(values) __attribute__((vector_size(VECTOR_BYTES)));
typedef PART OF(parts) __attribute__((vector_size(VECTOR_BYTES / sizeof(VALUE) * sizeof(PART))));

struct OF(result) {
    OF(values) low, high;
    TOTAL total[LANES];
};

#define LOAD(into, row) memcpy(&into, strip.data + (row) * strip.step, VECTOR_BYTES)
#define WIDE(v) __builtin_convertvector(v, OF(parts))
#define SUM(a, b) ((a) + (b))
#define OF_EIGHT(op, v)                                                                            \
    op(op(op(v[0], v[1]), op(v[2], v[3])), op(op(v[4], v[5]), op(v[6], v[7])))

#ifndef LESSER
#define LESSER OF(lesser)
#define GREATER OF(greater)

static inline OF(values) OF(lesser)(OF(values) a, OF(values) b)
{
    bits is_a = (bits)(a < b);
    return (OF(values))((is_a & (bits)a) | (~is_a & (bits)b));
}

static inline OF(values) OF(greater)(OF(values) a, OF(values) b)
{
    bits is_a = (bits)(a > b);
    return (OF(values))((is_a & (bits)a) | (~is_a & (bits)b));
}
#endif

static inline void OF(reduce_strip)(struct strip strip, struct OF(result) *result)
{
    OF(values) v[8], low, high;
    OF(parts) wide[8], sum = {0};
    size_t i = 0;
    LOAD(low, 0);
    high = low;
    for (; i + 8 <= strip.count; i += 8) {
        for (int j = 0; j < 8; j++) {
            LOAD(v[j], i + j);
            wide[j] = WIDE(v[j]);
        }
        low = LESSER(low, OF_EIGHT(LESSER, v));
        high = GREATER(high, OF_EIGHT(GREATER, v));
        sum += OF_EIGHT(SUM, wide);
    }
    for (; i < strip.count; i++) {
        LOAD(v[0], i);
        low = LESSER(low, v[0]);
        high = GREATER(high, v[0]);
        sum += WIDE(v[0]);
    }
    result->low = low;
    result->high = high;
    for (size_t k = 0; k < LANES; k++)
        result->total[k] = (TOTAL)sum[k];
}

/* Reduce `count` rows from `first` on; the recursion is at most 58 deep. */
static void OF(reduce_rows)(const struct rows *rows, size_t first, size_t count, size_t offset,
                            size_t bytes, struct OF(result) *result)
{
    if (count <= STRIP_ROWS) {
        uint8_t spare[STRIP_ROWS * VECTOR_BYTES];
        OF(reduce_strip)(strip_at(rows, first, count, offset, bytes, spare), result);
        return;
    }
    size_t strips = (count + STRIP_ROWS - 1) / STRIP_ROWS;
    size_t half = strips / 2 * STRIP_ROWS;
    struct OF(result) more;
    OF(reduce_rows)(rows, first, half, offset, bytes, result);
    OF(reduce_rows)(rows, first + half, count - half, offset, bytes, &more);
    result->low = LESSER(result->low, more.low);
    result->high = GREATER(result->high, more.high);
    for (size_t k = 0; k < LANES; k++)
        result->total[k] += more.total[k];
}

static void OF(group)(const struct rows *rows, size_t first, size_t count, size_t number,
                      const struct groups *out)
{
    for (size_t column = 0; column < rows->width; column += LANES) {
        size_t lanes = least(LANES, rows->width - column), at = number * rows->width + column;
        size_t bytes = lanes * sizeof(VALUE);
        struct OF(result) result;
        OF(reduce_rows)(rows, first, count, TIME_BYTES + column * sizeof(VALUE), bytes, &result);
        memcpy(out->minimum + at * sizeof(VALUE), &result.low, bytes);
        memcpy(out->maximum + at * sizeof(VALUE), &result.high, bytes);
        memcpy(out->total + at * sizeof(TOTAL), result.total, lanes * sizeof(TOTAL));
    }
}

#undef PASTE_
#undef PASTE
#undef OF
#undef LANES
#undef LOAD
#undef WIDE
#undef SUM
#undef OF_EIGHT
#undef LESSER
#undef GREATER
#undef NAME
#undef VALUE
#undef PART
#undef TOTAL
