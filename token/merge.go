package token

import (
	"math"
	"slices"
)

// A merger divides one word into tokens: the neighbouring pair with the lowest rank is
// merged, the leftmost first, until no pair has a merge. It holds scratch memory for one
// goroutine.
type merger struct {
	nodes []node
	queue []uint64 // rank<<32 | index of the left neighbour: a 4-ary heap, lowest first
}

// A node is a token of a word that is being merged.
type node struct {
	id         int32 // none if it was merged into the node before it
	prev, next int32 // indices; none at the ends
	rank, made int32 // of the merge with the next node the rank and the token; short words only
}

const (
	shortWord = 24            // longest word for which a linear search is faster than a heap
	noRank    = math.MaxInt32 // no merge
)

// append appends the tokens of word to ids.
func (m *merger) append(ids []int32, b *bpe, word string) []int32 {
	if len(word) == 1 && b.pieces == nil {
		return append(ids, b.bytes[word[0]])
	}
	if len(word) <= shortWord {
		return m.appendShort(ids, b, word)
	}
	return m.appendLong(ids, b, word)
}

// appendShort takes time proportional to len(word)².
func (m *merger) appendShort(ids []int32, b *bpe, word string) []int32 {
	nodes := b.tokens(m.nodes[:0], word)
	for i := range len(nodes) - 1 {
		nodes[i].meets(b, nodes[i+1].id)
	}
	m.nodes = nodes
	for {
		best, at := int32(noRank), 0
		for i, n := range nodes {
			if n.rank < best {
				best, at = n.rank, i
			}
		}
		if best == noRank {
			break
		}
		nodes[at].id = nodes[at].made
		nodes = append(nodes[:at+1], nodes[at+2:]...)
		nodes[at].rank = noRank
		if at+1 < len(nodes) {
			nodes[at].meets(b, nodes[at+1].id)
		}
		if at > 0 {
			nodes[at-1].meets(b, nodes[at].id)
		}
	}
	for _, n := range nodes {
		ids = append(ids, n.id)
	}
	return ids
}

// tokens appends the tokens in which the merges of word begin: of its bytes, or of its
// characters in SentencePiece.
func (b *bpe) tokens(nodes []node, word string) []node {
	if b.pieces != nil {
		return b.pieces.tokens(nodes, word)
	}
	for i := range len(word) {
		nodes = append(nodes, node{id: b.bytes[word[i]], rank: noRank})
	}
	return nodes
}

// meets notes the merge of n with the token right, which is behind it.
func (n *node) meets(b *bpe, right int32) {
	if n.rank, n.made = b.pairs.get(n.id, right); n.rank == none {
		n.rank = noRank
	}
}

// appendLong takes time proportional to len(word)·log(len(word)), whatever the
// merges are: each of at most len(word)-1 merges adds two entries to the heap.
func (m *merger) appendLong(ids []int32, b *bpe, word string) []int32 {
	nodes := b.tokens(slices.Grow(m.nodes[:0], len(word)), word)
	queue := slices.Grow(m.queue[:0], len(nodes))
	for i := range nodes {
		nodes[i].prev, nodes[i].next = int32(i)-1, int32(i)+1
	}
	nodes[len(nodes)-1].next = none
	for i := range len(nodes) - 1 {
		if rank, id := b.pairs.get(nodes[i].id, nodes[i+1].id); id != none {
			queue = append(queue, uint64(rank)<<32|uint64(i))
		}
	}
	for i := len(queue) / 4; i >= 0 && len(queue) > 1; i-- {
		siftDown(queue, i)
	}
	for len(queue) > 0 {
		top := queue[0]
		last := len(queue) - 1
		queue[0] = queue[last]
		queue = queue[:last]
		if last > 1 {
			siftDown(queue, 0)
		}
		at := int32(uint32(top))
		n := &nodes[at]
		if n.id == none || n.next == none {
			continue
		}
		right := n.next
		rank, id := b.pairs.get(n.id, nodes[right].id)
		if id == none || uint64(rank) != top>>32 {
			continue // a neighbour has changed since this entry was queued
		}
		n.id, n.next = id, nodes[right].next
		nodes[right].id = none
		if n.next != none {
			nodes[n.next].prev = at
			queue = b.pushMerge(queue, nodes, at)
		}
		if n.prev != none {
			queue = b.pushMerge(queue, nodes, n.prev)
		}
	}
	for i := int32(0); i != none; i = nodes[i].next {
		ids = append(ids, nodes[i].id)
	}
	m.release(nodes, queue)
	return ids
}

// release keeps the scratch memory for the next word, unless it is very large.
func (m *merger) release(nodes []node, queue []uint64) {
	const most = 1 << 16
	if m.nodes, m.queue = nodes, queue; cap(nodes) > most {
		m.nodes, m.queue = nil, nil
	}
}

// pushMerge adds the merge of the node at with the next node to the queue, if there is one.
func (b *bpe) pushMerge(queue []uint64, nodes []node, at int32) []uint64 {
	rank, id := b.pairs.get(nodes[at].id, nodes[nodes[at].next].id)
	if id == none {
		return queue
	}
	queue = append(queue, uint64(rank)<<32|uint64(at))
	i := len(queue) - 1
	for v := queue[i]; i > 0; {
		up := (i - 1) / 4
		if queue[up] <= v {
			break
		}
		queue[i], queue[up] = queue[up], v
		i = up
	}
	return queue
}

// siftDown moves queue[i] down until none of its up to four children is lower.
func siftDown(queue []uint64, i int) {
	v := queue[i]
	for {
		child := 4*i + 1
		if child >= len(queue) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(queue)); c++ {
			if queue[c] < queue[least] {
				least = c
			}
		}
		if queue[least] >= v {
			break
		}
		queue[i] = queue[least]
		i = least
	}
	queue[i] = v
}
