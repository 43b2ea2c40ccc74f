/* The Python module: takes buffers, checks every size, lets go of the interpreter meanwhile. */
#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#include <Python.h>

#include "kernels.h"

/* What takes less than handing over the interpreter lock keeps it. */
#define SMALL_BYTES 16384

#define WITHOUT_LOCK(bytes, statement)                                                             \
    if ((bytes) < SMALL_BYTES) {                                                                   \
        statement;                                                                                 \
    } else {                                                                                       \
        Py_BEGIN_ALLOW_THREADS statement;                                                          \
        Py_END_ALLOW_THREADS                                                                       \
    }

typedef void transposition(const uint8_t *, size_t count, size_t size, uint8_t *);

static PyObject *refuse(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return NULL;
}

static PyObject *transposed(Py_buffer *from, Py_ssize_t size, Py_buffer *to, transposition *run)
{
    if (size < 1 || from->len % size)
        return refuse("the bytes are not a whole number of records");
    if (to->len != from->len)
        return refuse("the output has another size than the input");
    WITHOUT_LOCK(from->len, run(from->buf, (size_t)(from->len / size), (size_t)size, to->buf))
    Py_RETURN_NONE;
}

static PyObject *transpose(PyObject *arguments, transposition *run)
{
    Py_buffer from, to;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "y*nw*", &from, &size, &to))
        return NULL;
    PyObject *result = transposed(&from, size, &to, run);
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    return result;
}

static PyObject *py_shuffle(PyObject *module, PyObject *arguments)
{
    (void)module;
    return transpose(arguments, shuffle);
}

static PyObject *py_unshuffle(PyObject *module, PyObject *arguments)
{
    (void)module;
    return transpose(arguments, unshuffle);
}

static int is_datatype(struct kind kind)
{
    int is_size = kind.bytes == 1 || kind.bytes == 2 || kind.bytes == 4 || kind.bytes == 8;
    return kind.letter == 'f' ? is_size && kind.bytes > 1
                              : is_size && (kind.letter == 'i' || kind.letter == 'u');
}

/* Say what the buffer holds; 0 with an exception set when it cannot. */
static int rows_of(const Py_buffer *buffer, const char *kind, Py_ssize_t width, struct rows *rows)
{
    if (strlen(kind) != 2) {
        refuse("a datatype has a letter and a digit");
        return 0;
    }
    rows->kind = (struct kind){kind[0], (size_t)(kind[1] - '0')};
    if (!is_datatype(rows->kind)) {
        refuse("no such datatype");
        return 0;
    }
    if (width < 1 || width > (PY_SSIZE_T_MAX - TIME_BYTES) / (Py_ssize_t)rows->kind.bytes) {
        refuse("no such width");
        return 0;
    }
    rows->width = (size_t)width;
    rows->row_bytes = TIME_BYTES + rows->width * rows->kind.bytes;
    rows->data = buffer->buf;
    rows->count = (size_t)buffer->len / rows->row_bytes;
    if (rows->count * rows->row_bytes != (size_t)buffer->len) {
        refuse("the bytes are not a whole number of rows");
        return 0;
    }
    return 1;
}

/* Whether a buffer holds `count` groups of `width` entries of `bytes` bytes. */
static int fits(const Py_buffer *buffer, size_t count, size_t width, size_t bytes)
{
    size_t entries, total;
    return !__builtin_mul_overflow(count, width, &entries) &&
           !__builtin_mul_overflow(entries, bytes, &total) && (size_t)buffer->len == total;
}

static PyObject *grouped(Py_buffer *given, const char *kind, Py_ssize_t width, Py_buffer *starts,
                         Py_buffer *times, Py_buffer *low, Py_buffer *high, Py_buffer *total)
{
    struct rows rows;
    if (!rows_of(given, kind, width, &rows))
        return NULL;
    if (!can_group(rows.kind))
        return refuse("no groups of this datatype");
    size_t count = (size_t)starts->len / 8;
    if (starts->len % 8 || count > rows.count)
        return refuse("wrong number of starts");
    if (!fits(times, count, 1, 8) || !fits(low, count, rows.width, rows.kind.bytes) ||
        !fits(high, count, rows.width, rows.kind.bytes) || !fits(total, count, rows.width, 8))
        return refuse("an output does not have the size of the groups");
    struct groups out = {times->buf, low->buf, high->buf, total->buf};
    int is_done;
    WITHOUT_LOCK(given->len, is_done = group(&rows, starts->buf, count, &out))
    if (!is_done)
        return refuse("starts must begin with 0 and rise, below the number of rows");
    Py_RETURN_NONE;
}

static PyObject *py_group(PyObject *module, PyObject *arguments)
{
    Py_buffer rows, starts, out[4];
    const char *kind;
    Py_ssize_t width;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*sny*w*w*w*w*", &rows, &kind, &width, &starts, &out[0],
                          &out[1], &out[2], &out[3]))
        return NULL;
    PyObject *result = grouped(&rows, kind, width, &starts, &out[0], &out[1], &out[2], &out[3]);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&starts);
    for (int i = 0; i < 4; i++)
        PyBuffer_Release(&out[i]);
    return result;
}

static PyObject *py_check(PyObject *module, PyObject *arguments)
{
    Py_buffer given;
    const char *kind;
    Py_ssize_t width;
    struct rows rows;
    size_t falling = 0, infinite = 0;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*sn", &given, &kind, &width))
        return NULL;
    if (rows_of(&given, kind, width, &rows)) {
        WITHOUT_LOCK(given.len, check(&rows, &falling, &infinite))
        result = Py_BuildValue("nn", (Py_ssize_t)falling, (Py_ssize_t)infinite);
    }
    PyBuffer_Release(&given);
    return result;
}

static PyMethodDef methods[] = {
    {"shuffle", py_shuffle, METH_VARARGS, "shuffle(records, record_bytes, planes)"},
    {"unshuffle", py_unshuffle, METH_VARARGS, "unshuffle(planes, record_bytes, records)"},
    {"group", py_group, METH_VARARGS,
     "group(rows, datatype, width, starts, times, minimum, maximum, total)"},
    {"check", py_check, METH_VARARGS, "check(rows, datatype, width) -> (falling, infinite)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "The loops of joule.kernels in C.", 0, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
