/* Minimum, maximum and sum of each group and column, straight from packed rows. */
#include "kernels.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef uint64_t bits __attribute__((vector_size(VECTOR_BYTES)));

#define NAME _i1
#define VALUE int8_t
#define PART int16_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _u1
#ifdef __SSE2__
#define LESSER(a, b) (values_u1)_mm_min_epu8((__m128i)(a), (__m128i)(b))
#define GREATER(a, b) (values_u1)_mm_max_epu8((__m128i)(a), (__m128i)(b))
#endif
#define VALUE uint8_t
#define PART uint16_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _i2
#ifdef __SSE2__
#define LESSER(a, b) (values_i2)_mm_min_epi16((__m128i)(a), (__m128i)(b))
#define GREATER(a, b) (values_i2)_mm_max_epi16((__m128i)(a), (__m128i)(b))
#endif
#define VALUE int16_t
#define PART int32_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _u2
#define VALUE uint16_t
#define PART uint32_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _i4
#define VALUE int32_t
#define PART int64_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _u4
#define VALUE uint32_t
#define PART uint64_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _i8
#define VALUE int64_t
#define PART uint64_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _u8
#define VALUE uint64_t
#define PART uint64_t
#define TOTAL uint64_t
#include "groups_of.h"

#define NAME _f4
#ifdef __SSE2__
#define LESSER(a, b) (values_f4)_mm_min_ps((__m128)(a), (__m128)(b))
#define GREATER(a, b) (values_f4)_mm_max_ps((__m128)(a), (__m128)(b))
#endif
#define VALUE float
#define PART double
#define TOTAL double
#include "groups_of.h"

#define NAME _f8
#ifdef __SSE2__
#define LESSER(a, b) (values_f8)_mm_min_pd((__m128d)(a), (__m128d)(b))
#define GREATER(a, b) (values_f8)_mm_max_pd((__m128d)(a), (__m128d)(b))
#endif
#define VALUE double
#define PART double
#define TOTAL double
#include "groups_of.h"

typedef void reducer(const struct rows *, size_t first, size_t count, size_t number,
                     const struct groups *);

static reducer *reducer_for(struct kind kind)
{
    static const struct {
        struct kind kind;
        reducer *reduce;
    } all[] = {
        {{'i', 1}, group_i1}, {{'i', 2}, group_i2}, {{'i', 4}, group_i4}, {{'i', 8}, group_i8},
        {{'u', 1}, group_u1}, {{'u', 2}, group_u2}, {{'u', 4}, group_u4}, {{'u', 8}, group_u8},
        {{'f', 4}, group_f4}, {{'f', 8}, group_f8},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].kind.letter == kind.letter && all[i].kind.bytes == kind.bytes)
            return all[i].reduce;
    return NULL;
}

int can_group(struct kind kind)
{
    return reducer_for(kind) != NULL;
}

static uint64_t sum_of_times(const struct rows *rows, size_t first, size_t count)
{
    const uint8_t *row = rows->data + first * rows->row_bytes;
    uint64_t sum = 0, zero = (uint64_t)time_at(rows->data);
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)time_at(row + i * rows->row_bytes) - zero;
    return sum;
}

int group(const struct rows *rows, const uint8_t *starts, size_t count, const struct groups *out)
{
    reducer *reduce = reducer_for(rows->kind);
    if (count && (!rows->count || time_at(starts) != 0))
        return 0;
    /* Each start is read once: what another thread writes there meanwhile cannot lead astray. */
    for (size_t i = 0, start = 0; i < count; i++) {
        int64_t given = i + 1 < count ? time_at(starts + (i + 1) * 8) : (int64_t)rows->count;
        if (given <= (int64_t)start || given > (int64_t)rows->count ||
            (i + 1 < count && given == (int64_t)rows->count))
            return 0;
        size_t end = (size_t)given;
        uint64_t times = sum_of_times(rows, start, end - start);
        memcpy(out->times + i * sizeof times, &times, sizeof times);
        reduce(rows, start, end - start, i, out);
        start = end;
    }
    return 1;
}
