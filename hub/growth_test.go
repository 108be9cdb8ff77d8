package hub

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// TestParsersAreLinear: configurations, indexes and names, with much of one thing.
func TestParsersAreLinear(t *testing.T) {
	list := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, work := range map[string]func(n int) func(){
		"keys": func(n int) func() {
			text := []byte("{" + list(n, `"k%d":[1]`) + "}")
			return func() { parseObject(text) }
		},
		"configuration": func(n int) func() {
			text := []byte(`{"model_type":"gpt2","eos_token_id":[` + list(n, "%d") + `],` + list(n, `"k%d":1`) + "}")
			return func() { parseConfig(text) }
		},
		"index": func(n int) func() {
			text := []byte(`{"weight_map":{` + list(n, `"t.%d":"a.safetensors"`) + "}}")
			return func() {
				if files, err := parseIndex(text); err != nil || len(files) != n {
					t.Fatal(err)
				}
			}
		},
		"shards": func(n int) func() {
			text := []byte(`{"weight_map":{` + list(n, `"t.%[1]d":"%[1]d.safetensors"`) + "}}")
			return func() { shardsOf(text) }
		},
		"adapter": func(n int) func() {
			text := []byte(`{"peft_type":"LORA","r":8,"target_modules":[` + list(n, `"m%d"`) + `],` + list(n, `"k%d":1`) + "}")
			return func() { parsePEFT(text) }
		},
		"names of tensors": func(n int) func() {
			r := &peftReader{file: &safetensors.File{}}
			for i := range n {
				r.file.Tensors = append(r.file.Tensors, safetensors.Tensor{Name: fmt.Sprintf("base_model.model.h.%d.lora_A.default.weight", i)})
			}
			return func() {
				r.names = nil
				for _, t := range r.file.Tensors {
					r.plainName(t.Name)
				}
			}
		},
		"blanks": func(n int) func() {
			text := []byte(strings.Repeat(" ", 64*n) + "{}")
			return func() { parseObject(text) }
		},
		"nesting": func(n int) func() {
			text := []byte(`{"a":` + strings.Repeat("[", n))
			return func() { parseObject(text) }
		},
	} {
		t.Run(name, func(t *testing.T) { growth.Linear(t, 256, work) })
	}
}
