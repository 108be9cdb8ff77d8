package jinja

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are templates that would take memory, time or the stack without an end, or reach
// out of their cage, and what is said of each.
var hostile = map[string]string{
	`{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}`:                                            "calls itself without an end",
	`{% macro a(x) %}{{ b(x) }}{% endmacro %}{% macro b(x) %}{{ a(x) }}{% endmacro %}{{ a(1) }}`: "calls itself without an end",
	`{% for i in range(100000000000) %}x{% endfor %}`:                                            "more than",
	`{% for i in range(9000) %}{% for j in range(9000) %}{% endfor %}{% endfor %}`:               "more than",
	`{{ "a" * 10000000000 }}`:           "more than",
	`{{ 9223372036854775807 * "abc" }}`: "more than",
	`{{ [0] * 10000000000 }}`:           "not supported",
	`{% set ns = namespace(x="ab") %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}`:                                    "more than",
	`{% set ns = namespace(x="ab") %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}`:                                    "more than",
	`{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}`:                                     "more than",
	`{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}`:                          "more than",
	`{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x }}{{ ns.x|tojson }}`: "more than",
	`{% set x = "a" * 100000 %}{{ x.replace("a", x) }}`:                                                                                   "more than",
	`{% set x = "a" * 100000 %}{{ x|replace("a", x) }}`:                                                                                   "more than",
	`{% set x = "a" * 100000 %}{{ x|list|join(x) }}`:                                                                                      "more than",
	`{% set x = "a" * 100000 %}{% for i in range(99999) %}{{ x.split("a")|length }}{% endfor %}`:                                          "more than",
	`{% set x = "a" * 100000 %}{% for i in range(99999) %}{{ x.upper()|length }}{% endfor %}`:                                             "more than",
	`{% set x = "a" * 1000000 %}{% for i in range(99999) %}{{ "b" in x }}{% endfor %}`:                                                    "more than",
	`{% set ns = namespace(x=1) %}{% set ns.x = ns %}{{ ns.x.x.x|tojson }}`:                                                               "is nothing that JSON has",
	`{% set x %}{% for i in range(1000000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endset %}`:                "more than",
	`{{ messages.__class__.__mro__ }}`:                                                                                                    "__class__ is not supported",
	`{{ ''["__class__"] }}`:                                                                                                               "__class__ is not supported",
	`{{ messages|map(attribute="__class__")|list }}`:                                                                                      "__class__ is not supported",
	`{{ raise_exception.__globals__ }}`:                                                                                                   "__globals__ is not supported",
	`{% include "/etc/passwd" %}`:                                                                                                         "the tag include is not supported",
	`{% import "os" as os %}`:                                                                                                             "the tag import is not supported",
	`{% from "os" import system %}`:                                                                                                       "the tag from is not supported",
	`{% extends "/etc/passwd" %}`:                                                                                                         "the tag extends is not supported",
	`{{ messages.append(1) }}`:                                                                                                            "append of lists is not supported",
	`{{ messages[0].update({"role": "x"}) }}`:                                                                                             "update of mappings is not supported",
	`{{ self }}{{ cycler(1) }}`:                                                                                                           "cycler",
	`{{ 2 ** 9999999999 }}`:                                                                                                               "not supported",
	`{{ "%9999999999d" % 1 }}`:                                                                                                            "not supported",
	`{{ "{:>9999999999}".format(1) }}`:                                                                                                    "not supported",
	`{{ "x".center(9999999999) }}`:                                                                                                        "not supported",
	`{{ "x"|tojson(indent=9999999999) }}`:                                                                                                 "indent",
	"{{ " + strings.Repeat("(", 100000) + strings.Repeat(")", 100000) + "}}":                                                              "nested more than",
	"{{ " + strings.Repeat("not ", 100000) + "1 }}":                                                                                       "nested more than",
	"{{ " + strings.Repeat("-", 100000) + "1 }}":                                                                                          "nested more than",
	"{{ " + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}}":                                                              "nested more than",
	"{{ 1" + strings.Repeat(" + 1", 100000) + " }}":                                                                                       "in a row",
	"{{ x" + strings.Repeat(".x", 100000) + " }}":                                                                                         "in a row",
	"{{ x" + strings.Repeat("|trim", 100000) + " }}":                                                                                      "in a row",
	"{{ 1" + strings.Repeat(" if 1 else 1", 10000) + " }}":                                                                                "nested more than",
	strings.Repeat("{% if 1 %}", 100000):                                                                                                  "nested more than",
	strings.Repeat("{% for x in y %}", 10000):                                                                                             "nested more than",
	strings.Repeat("x", 1<<20+1):                                                                                                          "at most 1048576 are read",
}

// Whatever a template does, it ends soon, with an error, and takes little.
func TestHostile(t *testing.T) {
	messages := []any{Dict{{"role", "user"}, {"content", "hi"}}}
	for source, want := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		template, err := Parse(source)
		out := ""
		if err == nil {
			out, err = template.Render(map[string]any{"messages": messages}, Options{})
		}
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%.100s: %.100q, %v; want %s", source, out, err, want)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%.100s: it took %v", source, took)
		}
		// A step allocates less than 500 bytes, and bytes are counted when they are made.
		if n := after.TotalAlloc - before.TotalAlloc; n > 1_000_000*500+128<<20 {
			t.Errorf("%.100s: it took %d bytes", source, n)
		}
	}
}

// A message of the template is told from what went wrong in it; and a template is the same
// to several that use it, and changes nothing of its arguments.
func TestRaised(t *testing.T) {
	template, err := Parse("{% macro m() %}{{ raise_exception('roles must alternate') }}{% endmacro %}\n{% for i in [1] %}{{ m() }}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	var raised *RaisedError
	if _, err := template.Render(nil, Options{}); !errors.As(err, &raised) || err.Error() != "roles must alternate" {
		t.Errorf("%v", err)
	}
	template, err = Parse("a\n\n{{ 'x' + 1 }}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := template.Render(nil, Options{}); err == nil || err.Error() != "line 3: a text + a number" {
		t.Errorf("%v", err)
	}
	if _, err := template.Render(map[string]any{"x": struct{}{}}, Options{}); err == nil || !strings.Contains(err.Error(), "the argument x") {
		t.Errorf("%v", err)
	}
}

// Whatever is given, Parse and Render return.
func FuzzParse(f *testing.F) {
	for source := range hostile {
		f.Add(source[:min(len(source), 300)])
	}
	data := map[string]any{"messages": []any{Dict{{"role", "user"}, {"content", "hi"}}}, "s": "text"}
	f.Fuzz(func(t *testing.T, source string) {
		template, err := Parse(source)
		if err != nil {
			return
		}
		template.Render(data, Options{Steps: 10_000, Bytes: 1 << 20})
	})
}
