package train

import "testing"

// BenchmarkGuard compares a step of the story preset with what the guard adds to it:
// Norms beside Norm2, and the judging of spikes.
func BenchmarkGuard(b *testing.B) {
	o, _ := PresetOptions("story")
	o.StoryChars, o.Steps = 200_000, 1<<30
	d, err := LoadData(o)
	if err != nil {
		b.Fatal(err)
	}
	r := start(b, o, d, "")
	s := r.State
	for range 3 {
		if _, err := r.Step(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("step", func(b *testing.B) {
		for b.Loop() {
			r.Step(b.Context())
		}
	})
	b.Run("Norm2", func(b *testing.B) {
		for b.Loop() {
			r.net.Norm2(r.grad.Slab())
		}
	})
	b.Run("Norms", func(b *testing.B) {
		for b.Loop() {
			r.norms()
		}
	})
	for range spikeWindow {
		s.Window.note(2, 1)
	}
	b.Run("judge", func(b *testing.B) {
		for b.Loop() {
			s.Window.judge(2, 1)
		}
	})
}
