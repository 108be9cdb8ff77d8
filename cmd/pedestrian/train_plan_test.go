package main

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// The plan says that bf16 is slower where the path has no products of bf16, and only there.
func TestSlowPrecision(t *testing.T) {
	for _, path := range kernel.Paths() {
		t.Run(path.String(), func(t *testing.T) {
			defer kernel.Use(kernel.Use(path))
			why, slow := slowPrecision("bf16"), path != kernel.AVX512BF16 && path != kernel.AMX
			if strings.Contains(why, "--precision float32") != slow || strings.Contains(why, path.String()) != slow {
				t.Errorf("of bf16 the plan says %q", why)
			}
			why, slow = slowPrecision("bf16x3"), path != kernel.AMX
			if strings.Contains(why, "--precision float32") != slow || strings.Contains(why, path.String()) != slow {
				t.Errorf("of bf16x3 the plan says %q", why)
			}
			for _, p := range []string{"", "float32"} {
				if why := slowPrecision(p); why != "" {
					t.Errorf("of %q the plan says %q", p, why)
				}
			}
		})
	}
}
