package paper

import "embed"

// Source holds the files of this package that compute, as they were built, so that a program
// can show a function and say in which line an equation is. The registry is not among them.
//
//go:embed activation.go algebra.go attention.go batchnorm.go block.go cache.go dora.go dropout.go embedding.go fc.go frequencies.go
//go:embed gated.go gather.go grouped.go groupedcache.go layernorm.go lora.go loss.go mixed.go multihead.go network.go norm.go
//go:embed rmsnorm.go rotary.go rows.go shape.go signals.go softmax.go trace.go way.go weights.go
var Source embed.FS
