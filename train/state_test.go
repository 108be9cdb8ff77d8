package train

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// fill gives every number and string of v, also in arrays and structs, another value.
func fill(v reflect.Value, next *int) {
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*next))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*next))
	case reflect.Float64:
		v.SetFloat(float64(*next) / 3)
	case reflect.String:
		v.SetString(strconv.Itoa(*next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice, reflect.Map: // as they are
	default:
		panic("a kind of value that is new: " + v.Kind().String())
	}
}

// Whatever number Progress has, a checkpoint keeps.
func TestEveryCounterIsSaved(t *testing.T) {
	var p, q Progress
	next := 0
	fill(reflect.ValueOf(&p).Elem(), &next)
	var file bytes.Buffer
	if err := writeJSON(&file, p); err != nil {
		t.Fatal(err)
	}
	if err := readJSON("state.json", file.Bytes(), &q); err != nil || p != q {
		t.Errorf("%v: %+v came back as %+v", err, p, q)
	}
	if next < 270 {
		t.Errorf("%d numbers", next)
	}
	// What a run that goes on has in mind is all of it, the time aside.
	q.Seconds++
	if !sameProgress(p, q) {
		t.Error("the time makes a difference")
	}
	for i := range reflect.TypeFor[Progress]().NumField() {
		field := reflect.TypeFor[Progress]().Field(i).Name
		q = p
		fill(reflect.ValueOf(&q).Elem().Field(i), &next)
		if same := sameProgress(p, q); same != (field == "Seconds") {
			t.Errorf("%s is changed, and is that the same? %v", field, same)
		}
	}
}

// Whatever the options of a preset are, a checkpoint keeps.
func TestEveryOptionIsSaved(t *testing.T) {
	for _, p := range Presets() {
		var q Options
		text, err := json.Marshal(p.Options)
		if err == nil {
			err = json.Unmarshal(text, &q)
		}
		if err != nil || !reflect.DeepEqual(p.Options, q) {
			t.Errorf("%s: %v: %s", p.Name, err, text)
		}
	}
	// Of a run that goes on from a base, too, where most of them are left out if empty.
	var p, q Options
	next := 0
	p.Tuning.Adapter.Ranks = map[pedestrian.Target]int{pedestrian.TargetQ: 7}
	p.Tuning.Adapter.Targets, p.Tuning.Adapter.Layers = pedestrian.Config{Heads: 1}.Targets(), []int{1, 3}
	fill(reflect.ValueOf(&p).Elem(), &next)
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &q)
	}
	if err != nil || !reflect.DeepEqual(p, q) || next < 60 {
		t.Errorf("%d values, %v: %+v came back as %+v", next, err, p, q)
	}
	options := reflect.TypeFor[Options]()
	for i := range options.NumField() {
		f := options.Field(i)
		if f.IsExported() && f.Tag.Get("json") == "-" {
			t.Errorf("%s is not in config.json: a run that goes on would not know it", f.Name)
		}
	}
}
