// llm.c's CPU trainer at the work of `pedestrian bench`, as a worker of run.py.
// It is built against a checkout that the user names; nothing of it is kept here:
//
//	gcc -Ofast -march=native -fno-finite-math-only -fopenmp -DOMP -DTESTING \
//	    -I CHECKOUT llmc_peer.c -lm -o llmc_peer
//
// usage: llmc_peer B T. One JSON line when it is warm, then for every line N on
// standard input one JSON line with N training steps, until standard input ends.
#include "train_gpt2.c"

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static uint64_t state = 1;

static uint32_t next(void) { // splitmix64
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) >> 32;
}

// fill draws about N(0, std²): a sum of twelve uniform numbers.
static void fill(float* v, size_t n, float mean, float std) {
    for (size_t i = 0; i < n; i++) {
        float s = -6;
        for (int k = 0; k < 12; k++) { s += next() * 0x1p-32f; }
        v[i] = mean + std * s;
    }
}

// build makes GPT-2 124M with random weights, in place of a checkpoint.
static void build(GPT2* m) {
    memset(m, 0, sizeof *m);
    m->mean_loss = -1.0f;
    m->config.max_seq_len = 1024;
    m->config.vocab_size = 50257;
    m->config.padded_vocab_size = 50304;
    m->config.num_layers = m->config.num_heads = 12;
    m->config.channels = 768;
    fill_in_parameter_sizes(m->param_sizes, m->config);
    for (int i = 0; i < NUM_PARAMETER_TENSORS; i++) { m->num_parameters += m->param_sizes[i]; }
    m->params_memory = malloc_and_point_parameters(&m->params, m->param_sizes);
    fill(m->params_memory, m->num_parameters, 0, 0.02f);
    size_t L = 12, C = 768;
    fill(m->params.ln1w, L * C, 1, 0);
    fill(m->params.ln2w, L * C, 1, 0);
    fill(m->params.lnfw, C, 1, 0);
}

// step is one training step; phases gets milliseconds of forward, backward, update.
static void step(GPT2* m, int* tokens, int* targets, int B, int T, int number, double phases[3]) {
    for (int i = 0; i < B * T; i++) { tokens[i] = next() % 50257, targets[i] = next() % 50257; }
    double t0 = seconds();
    gpt2_forward(m, tokens, targets, B, T);
    double t1 = seconds();
    gpt2_zero_grad(m);
    gpt2_backward(m);
    double t2 = seconds();
    gpt2_update(m, 3e-4f, 0.9f, 0.99f, 1e-8f, 0.1f, number); // llm.c does not clip on CPU
    double t3 = seconds();
    phases[0] = 1e3 * (t1 - t0), phases[1] = 1e3 * (t2 - t1), phases[2] = 1e3 * (t3 - t2);
}

static double peak_mib(void) {
    char line[256];
    double kib = 0;
    FILE* f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) { sscanf(line, "VmHWM: %lf", &kib); }
    if (f) { fclose(f); }
    return kib / 1024;
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: llmc_peer B T\n");
        return 2;
    }
    int B = atoi(argv[1]), T = atoi(argv[2]), number = 0, n;
    // llm.c prints on standard output: keep that for JSON.
    FILE* out = fdopen(dup(1), "w");
    if (!out || !freopen("/dev/null", "w", stdout)) { return 1; }
    GPT2 m;
    build(&m);
    int* tokens = malloc(sizeof(int) * B * T), *targets = malloc(sizeof(int) * B * T);
    double p[3], t0 = seconds();
    step(&m, tokens, targets, B, T, ++number, p);
    fprintf(out, "{\"ready\": true, \"version\": \"llm.c\", \"warm_s\": %.3f}\n", seconds() - t0);
    fflush(out);
    while (scanf("%d", &n) == 1) {
        double sum[3] = {0};
        fprintf(out, "{\"ms\": [");
        for (int i = 0; i < n; i++) {
            step(&m, tokens, targets, B, T, ++number, p);
            for (int k = 0; k < 3; k++) { sum[k] += p[k] / n; }
            fprintf(out, "%s%.3f", i ? ", " : "", p[0] + p[1] + p[2]);
        }
        fprintf(out, "], \"tokens\": %d, \"phases\": {\"forward\": %.3f, \"backward\": %.3f, \"optimizer\": %.3f}, \"loss\": %.4f, \"peak_mib\": %.1f}\n",
                B * T, sum[0], sum[1], sum[2], m.mean_loss, peak_mib());
        fflush(out);
    }
    return 0;
}
