package memory

import "runtime/metrics"

// held is what this process has mapped and the system not got back, as SetMemoryLimit
// counts it.
func held() int64 {
	return read("/memory/classes/total:bytes") - read("/memory/classes/heap/released:bytes")
}

// idle is what the heap has mapped and does not use: small things that are allocated
// next come from it.
func idle() int64 {
	return read("/memory/classes/heap/free:bytes") + read("/memory/classes/heap/released:bytes")
}

func read(name string) int64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(s[0].Value.Uint64())
}
