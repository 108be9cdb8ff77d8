// oneDNN at the float32 products of `pedestrian bench`, as a worker of run.py.
// It is built against an installed oneDNN (2 or 3) that the user names:
//
//	gcc -O2 -I PREFIX/include onednn_peer.c -L PREFIX/lib -Wl,-rpath,PREFIX/lib -ldnnl -lm -o onednn_peer
//
// usage: onednn_peer FORM M N K. One JSON line when it is warm, then for every line R
// on standard input one JSON line with R products, until standard input ends. The
// operands lie as ours do: nn, nt or tn, rows in memory one after another.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <dnnl.h>

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void must(dnnl_status_t s, const char* what) {
    if (s != dnnl_success) {
        fprintf(stderr, "onednn_peer: %s: status %d\n", what, s);
        exit(1);
    }
}

// A matrix as a product sees it: v[i·row + j·col].
typedef struct {
    int64_t rows, cols, row, col;
    float* v;
    dnnl_memory_t m;
} matrix;

static uint64_t state = 1;

static float next(void) { // between -1 and 1
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int32_t)(state >> 32) * 0x1p-31f;
}

static matrix new_matrix(int64_t rows, int64_t cols, int transposed) {
    matrix m = {rows, cols, transposed ? 1 : cols, transposed ? rows : 1, malloc(sizeof(float) * rows * cols), NULL};
    if (!m.v) { must(dnnl_out_of_memory, "a matrix"); }
    for (int64_t i = 0; i < rows * cols; i++) { m.v[i] = next(); }
    return m;
}

static float at(const matrix* m, int64_t i, int64_t j) { return m->v[i * m->row + j * m->col]; }

// product makes the primitive of z = x y, on the memory of the three.
static dnnl_primitive_t product(dnnl_engine_t engine, matrix* z, matrix* x, matrix* y, const char** kernel) {
    matrix* of[3] = {x, y, z};
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t p;
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_t d[3];
    for (int i = 0; i < 3; i++) {
        dnnl_dims_t size = {of[i]->rows, of[i]->cols}, stride = {of[i]->row, of[i]->col};
        must(dnnl_memory_desc_create_with_strides(&d[i], 2, size, dnnl_f32, stride), "describing a matrix");
        must(dnnl_memory_create(&of[i]->m, d[i], engine, of[i]->v), "a matrix");
    }
    must(dnnl_matmul_primitive_desc_create(&pd, engine, d[0], d[1], NULL, d[2], NULL), "describing a product");
#else
    dnnl_memory_desc_t d[3];
    dnnl_matmul_desc_t mul;
    for (int i = 0; i < 3; i++) {
        dnnl_dims_t size = {of[i]->rows, of[i]->cols}, stride = {of[i]->row, of[i]->col};
        must(dnnl_memory_desc_init_by_strides(&d[i], 2, size, dnnl_f32, stride), "describing a matrix");
        must(dnnl_memory_create(&of[i]->m, &d[i], engine, of[i]->v), "a matrix");
    }
    must(dnnl_matmul_desc_init(&mul, &d[0], &d[1], NULL, &d[2]), "describing a product");
    must(dnnl_primitive_desc_create(&pd, &mul, NULL, engine, NULL), "describing a product");
#endif
    must(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, kernel), "naming the kernel");
    must(dnnl_primitive_create(&p, pd), "a product");
    return p;
}

// check compares four rows and four columns of z with sums in double precision: the
// largest difference, over √K. Products of random numbers in float32 stay below 2e-6.
static double check(const matrix* z, const matrix* x, const matrix* y) {
    double worst = 0;
    for (int line = 0; line < 8; line++) {
        int64_t along = line < 4 ? z->cols : z->rows, across = line < 4 ? z->rows : z->cols, fixed = (line % 4) * (across - 1) / 3;
        for (int64_t o = 0; o < along; o++) {
            int64_t i = line < 4 ? fixed : o, j = line < 4 ? o : fixed;
            double sum = 0;
            for (int64_t k = 0; k < x->cols; k++) { sum += (double)at(x, i, k) * at(y, k, j); }
            double e = fabs(at(z, i, j) - sum) / sqrt(x->cols);
            if (!(e <= worst)) { worst = e; } // also if it is not a number
        }
    }
    return worst;
}

int main(int argc, char** argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: onednn_peer FORM M N K\n");
        return 2;
    }
    int64_t m = atoll(argv[2]), n = atoll(argv[3]), k = atoll(argv[4]), reps;
    matrix x = new_matrix(m, k, !strcmp(argv[1], "tn")), y = new_matrix(k, n, !strcmp(argv[1], "nt")), z = new_matrix(m, n, 0);
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "an engine");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "a stream");
    const char* kernel;
    dnnl_primitive_t p = product(engine, &z, &x, &y, &kernel);
    dnnl_exec_arg_t args[3] = {{DNNL_ARG_SRC, x.m}, {DNNL_ARG_WEIGHTS, y.m}, {DNNL_ARG_DST, z.m}};
    for (int i = 0; i < 2; i++) {
        must(dnnl_primitive_execute(p, stream, 3, args), "computing");
        must(dnnl_stream_wait(stream), "computing");
    }
    double error = check(&z, &x, &y);
    if (!(error < 1e-5)) {
        fprintf(stderr, "onednn_peer: %s gives wrong products: off by %g √K\n", kernel, error);
        return 1;
    }
    const dnnl_version_t* v = dnnl_version();
    printf("{\"ready\": true, \"version\": \"%d.%d.%d\", \"kernel\": \"%s\", \"error\": %.2g}\n", v->major, v->minor, v->patch, kernel, error);
    fflush(stdout);
    while (scanf("%ld", &reps) == 1) {
        printf("{\"ms\": [");
        for (int64_t i = 0; i < reps; i++) {
            double t0 = seconds();
            must(dnnl_primitive_execute(p, stream, 3, args), "computing");
            must(dnnl_stream_wait(stream), "computing");
            printf("%s%.4f", i ? ", " : "", 1e3 * (seconds() - t0));
        }
        printf("], \"flop\": %.0f}\n", 2.0 * m * n * k);
        fflush(stdout);
    }
    return 0;
}
