package engine

// chunk is the rows and targets of the chunk that starts at from.
func (c *logitsCache[T]) chunk(from int) (rows, targets []int32) {
	to := min(from+evenChunk(len(c.rows), c.size), len(c.rows))
	return c.rows[from:to], c.targets[from:to]
}

// contiguous reports whether rows follow each other.
func contiguous(rows []int32) bool { return int(rows[len(rows)-1]-rows[0])+1 == len(rows) }

// chunkOf is the view of rows in x, or the start of buf when x has others between.
func chunkOf[T Float](buf, x Mat[T], rows []int32) Mat[T] {
	if contiguous(rows) {
		return x.Sub(int(rows[0]), int(rows[0])+len(rows), 0, x.Cols)
	}
	return first(buf, len(rows))
}

// gather returns rows of x, copied to buf when x has others between.
func gather[T Float](buf, x Mat[T], rows []int32) Mat[T] {
	m := chunkOf(buf, x, rows)
	if !contiguous(rows) {
		for i, t := range rows {
			copy(m.Row(i), x.Row(int(t)))
		}
	}
	return m
}

// defaultChunk is the number of tokens whose logits are held at once: about
// 2²⁵ numbers, in multiples of 64 tokens. Each chunk reads the weight and its
// gradient once more. It depends on the vocabulary alone.
func defaultChunk(vocab int) int { return max(64, min(1024, (1<<25)/vocab/64*64)) }

// evenChunk cuts rows into as many chunks as chunks of size most do, of about the
// same size, in multiples of 32.
func evenChunk(rows, most int) int {
	chunks := max((rows+most-1)/most, 1)
	even := (rows + chunks - 1) / chunks
	return min((even+31)/32*32, most)
}
