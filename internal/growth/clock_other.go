//go:build !linux

package growth

import "time"

var start = time.Now()

func now() time.Duration { return time.Since(start) }
