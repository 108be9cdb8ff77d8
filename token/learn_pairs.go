package token

import "container/heap"

type pair struct{ left, right int32 }

// A pairStat counts a pair of neighbouring tokens in all words.
type pairStat struct {
	count int64
	words []int32 // words in which it appeared since it was last queued
}

// countPairs counts the pairs of all words and queues them.
func (l *learner) countPairs() {
	var all []pair
	for i, w := range l.words {
		for j := range len(w) - 1 {
			all = l.addCount(all, pair{w[j], w[j+1]}, l.counts[i], int32(i))
		}
	}
	l.enqueue(all)
}

// addCount adds n to the count of p in a word. If n > 0, the word is recorded in the pair,
// and a pair without recorded words is appended to fresh.
func (l *learner) addCount(fresh []pair, p pair, n int64, word int32) []pair {
	s := l.stats[p]
	if s == nil {
		s = &pairStat{}
		l.stats[p] = s
	}
	s.count += n
	if n < 0 {
		return fresh
	}
	if len(s.words) == 0 {
		fresh = append(fresh, p)
	}
	if k := len(s.words); k == 0 || s.words[k-1] != word {
		s.words = append(s.words, word)
	}
	return fresh
}

// enqueue queues the pairs with the words in which they have appeared.
func (l *learner) enqueue(fresh []pair) {
	for _, p := range fresh {
		s := l.stats[p]
		if s.count > 0 {
			heap.Push(&l.queue, queuedPair{p, s.count, s.words})
		}
		s.words = nil
	}
}

// makeMerges makes the merges. A pair in the queue may have an old count: then its count is
// corrected and it is queued again.
func (l *learner) makeMerges(o TrainOptions) error {
	var fresh []pair
	for len(l.text) < o.Vocab && len(l.queue) > 0 {
		top := heap.Pop(&l.queue).(queuedPair)
		if now := l.stats[top.pair].count; top.count != now {
			top.count = now
			heap.Push(&l.queue, top)
			continue
		}
		if top.count < int64(max(o.MinCount, 1)) {
			break
		}
		text := l.text[top.left] + l.text[top.right]
		id, known := l.ids[toByteLevel(text)]
		if !known {
			id = l.add(text, toByteLevel(text))
		} else if int(id) < l.specials {
			return l.specialError(toByteLevel(text))
		}
		l.merges = append(l.merges, merge{top.left, top.right, id})
		fresh = fresh[:0]
		for _, w := range top.words {
			fresh = l.replacePair(fresh, w, top.pair, id)
		}
		l.enqueue(fresh)
	}
	return nil
}

// replacePair replaces p by id in a word, and updates the counts of the neighbours.
func (l *learner) replacePair(fresh []pair, word int32, p pair, id int32) []pair {
	old, n := l.words[word], l.counts[word]
	out := old[:0]
	for i := 0; i < len(old); i++ {
		if i+1 == len(old) || old[i] != p.left || old[i+1] != p.right {
			out = append(out, old[i])
			continue
		}
		if k := len(out); k > 0 {
			fresh = l.addCount(fresh, pair{out[k-1], p.left}, -n, word)
			fresh = l.addCount(fresh, pair{out[k-1], id}, n, word)
		}
		if i+2 < len(old) {
			fresh = l.addCount(fresh, pair{p.right, old[i+2]}, -n, word)
			fresh = l.addCount(fresh, pair{id, old[i+2]}, n, word)
		}
		out = append(out, id)
		i++
	}
	l.words[word] = out
	return fresh
}

// A queuedPair is a pair in the queue, with its count at that time.
type queuedPair struct {
	pair
	count int64
	words []int32
}

// A pairQueue is a heap: most frequent first, then lower ids.
type pairQueue []queuedPair

func (q pairQueue) Len() int      { return len(q) }
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q pairQueue) Less(i, j int) bool {
	switch a, b := q[i], q[j]; {
	case a.count != b.count:
		return a.count > b.count
	case a.left != b.left:
		return a.left < b.left
	default:
		return a.right < b.right
	}
}
func (q *pairQueue) Push(x any) { *q = append(*q, x.(queuedPair)) }
func (q *pairQueue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = queuedPair{}
	*q = (*q)[:last]
	return x
}
