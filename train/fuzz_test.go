package train

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// oneLine fails when an error is not one line.
func oneLine(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
}

// FuzzParseOptions checks that no settings file makes the reader panic, and that the
// settings it accepts mean the same after they were written as YAML.
func FuzzParseOptions(f *testing.F) {
	for _, text := range []string{
		"", "preset: tiny\nwidth: 64\n", "lr: 1e-3\nbias: true\nactivation: gelu_tanh\n", "{width: 32, heads: 2}", "width: 1\nwidth: 2\n",
		"widht: 1", "width: [1]", "width:", "a: &x 1\nb: *x\n", "width: *x", "<<: {width: 3}", "--- 1\n--- 2\n", "- 1\n", "\xff\xfe", "? {a: b}\n: 1\n",
		"width: 0x10\n", "seed: 18446744073709551615\n", "eps: .nan\n", "lr: .inf\n", "preset: tiny\npreset: char\n", "preset: [tiny]", "on_spike: rewind\n",
		"data: \"a\\nb\"\n", "? width\n: 4\n", strings.Repeat("[", 2000), "%YAML 1.1\n---\nwidth: 3\n", "!!int width: 3", "steps: !!str 3",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOptions(text, "run.yaml", "")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "run.yaml") {
				t.Errorf("the file is not named: %v", err)
			}
			return
		}
		o.Validate()
		var again strings.Builder
		fmt.Fprintf(&again, "preset: %s\n", o.Preset)
		for _, s := range o.Settings() {
			fmt.Fprintf(&again, "%s: !!str %s\n", s.Name, quoteYAML(s.String()))
		}
		p, err := ParseOptions([]byte(again.String()), "again.yaml", "")
		if err != nil {
			t.Fatalf("%v\n%s", err, again.String())
		}
		for i, s := range o.Settings() {
			if q := p.Settings()[i]; q.String() != s.String() {
				t.Errorf("%s is %q, and was %q", s.Name, q, s)
			}
		}
	})
}

// quoteYAML is s as a double-quoted scalar, for which JSON does.
func quoteYAML(s string) string {
	text, _ := json.Marshal(strings.ToValidUTF8(s, "?"))
	return string(text)
}

// FuzzCheckpointJSON reads config.json and state.json: what is accepted and valid is
// the same after it was written.
func FuzzCheckpointJSON(f *testing.F) {
	o, _ := PresetOptions("tiny")
	var config, state bytes.Buffer
	c := o.Config
	c.Vocab = 5
	writeJSON(&config, configJSON{Network: c, Options: &o, Data: DataInfo{Source: "stories", SHA256: "00", Train: 3}})
	writeJSON(&state, Progress{Seed: math.MaxUint64, Step: 3, Best: Score{1, 2.5}})
	for _, text := range []string{config.String(), state.String(), "{}", "null", "[]", "{} {}", `{"format":1e3}`, `{"step":9223372036854775808}`, `{"position":-1}`,
		`{"network":{"vocab":1e999}}`, `{"window":{"loss":[1,2,3]}}`, `{"step":1,"step":2}`, strings.Repeat(`{"network":`, 2000), "\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c configJSON
		if err := readJSON("config.json", text, &c); err != nil {
			oneLine(t, err)
		} else if c.Network.Validate() == nil && (c.Options == nil || c.Options.Validate() == nil) {
			again := c
			roundTrip(t, &c, &again)
			c.Network.Ledger()
		}
		var p, q Progress
		if err := readJSON("state.json", text, &p); err != nil {
			oneLine(t, err)
		} else if roundTrip(t, &p, &q); p != q {
			t.Errorf("%+v came back as %+v", p, q)
		}
	})
}

func roundTrip(t *testing.T, v, into any) {
	t.Helper()
	var first, second bytes.Buffer
	if err := writeJSON(&first, v); err != nil {
		t.Fatal(err)
	}
	if err := readJSON("again.json", first.Bytes(), into); err != nil {
		t.Fatalf("%v\n%s", err, first.String())
	}
	if err := writeJSON(&second, into); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("%s came back as %s (%v)", first.String(), second.String(), err)
	}
}

// FuzzTensors reads the weights of a checkpoint: what is accepted is the same, bit by
// bit, after it was written.
func FuzzTensors(f *testing.F) {
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 2, Context: 1, Width: 1, Heads: 1, Blocks: 1, Hidden: 1, Activation: pedestrian.ReLU, Tied: true})
	for i := range p.Slab {
		p.Slab[i] = float32(i)
	}
	var whole bytes.Buffer
	if err := writeTensors(&whole, map[string]string{"format": "pedestrian"}, p.Tensors()); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:whole.Len()-1])
	f.Add(append(whole.Bytes(), 0))
	for _, header := range []string{
		"", "{}", "{", "{} x", "[]", " {}", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, `{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`,
		`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, `{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}`,
		`{"a":{"dtype":"F32","shape":[4194305,4194305,211106198978564],"data_offsets":[0,4]}}`, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`,
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`,
		`{"a":{"DTYPE":"F32","shape":[1],"data_offsets":[0,4]}}`, `{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}`, `{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`,
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775807,9223372036854775807]}}`, `{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`,
		`{"__metadata__":{"a":1}}`, `{"__metadata__":{},"__metadata__":{}}`, strings.Repeat(`{"a":`, 3000), "{\"\xff\":1}", `{"a":null}`, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`,
	} {
		f.Add(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+"\x00\x00\x80\x3f"...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		q := pedestrian.NewParams[float32](p.Config)
		if _, err := readTensors(bytes.NewReader(data), int64(len(data)), q.Tensors()); err != nil {
			oneLine(t, err)
			return
		}
		var again bytes.Buffer
		writeTensors(&again, map[string]string{}, q.Tensors())
		back := pedestrian.NewParams[float32](p.Config)
		if _, err := readTensors(bytes.NewReader(again.Bytes()), int64(again.Len()), back.Tensors()); err != nil {
			t.Fatal(err)
		}
		for i, v := range q.Slab {
			if math.Float32bits(v) != math.Float32bits(back.Slab[i]) {
				t.Errorf("number %d: %g came back as %g", i, v, back.Slab[i])
			}
		}
	})
}

// FuzzMetrics cuts a log: what stays is whole lines of it, in order, all of which can be read.
func FuzzMetrics(f *testing.F) {
	f.Add([]byte("{\"step\":0,\"val\":2.5,\"seconds\":0}\n{\"step\":1,\"loss\":2,\"seconds\":1}\n{\"step\":2,\"lo"), 1, 1)
	f.Add([]byte("{\"step\":1,\"spike\":\"loss\",\"action\":\"skip\",\"seconds\":1}\n\n\x00\n"), 5, 0)
	f.Fuzz(func(t *testing.T, log []byte, step, evaluations int) {
		p := Progress{Step: step, Evaluations: evaluations, Last: Score{Step: step}}
		keep := cutMetrics(log, p)
		rest := log
		for line := range bytes.Lines(keep) {
			i := bytes.Index(rest, line)
			if i < 0 {
				t.Fatalf("%q is not in the log, or not in order", line)
			}
			rest = rest[i+len(line):]
			var r Record
			if err := json.Unmarshal(line, &r); err != nil || r.Step > step {
				t.Errorf("%q was kept: %v", line, err)
			}
		}
		if again := cutMetrics(keep, p); !bytes.Equal(again, keep) {
			t.Errorf("cut again, %q is %q", keep, again)
		}
	})
}
