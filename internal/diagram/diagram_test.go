package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

const img = "../../docs/img"

// What is committed is what the source draws now: names, numbers of equations, shapes, norms and bytes.
func TestCommitted(t *testing.T) {
	want := map[string]bool{}
	for _, d := range drawings {
		want[d.name+".svg"] = true
		svg, err := d.draw()
		if err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		have, err := os.ReadFile(filepath.Join(img, d.name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		if svg != strings.ReplaceAll(string(have), "\r\n", "\n") {
			t.Errorf("docs/img/%s.svg is not what the source draws: go run ./internal/diagram", d.name)
		}
	}
	found, err := filepath.Glob(filepath.Join(img, "*.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if !want[filepath.Base(f)] {
			t.Errorf("%s is drawn by nothing", f)
		}
	}
}

// Each is XML with a title and a description, its text is text and stands inside of the picture,
// and it asks for nothing.
func TestDrawings(t *testing.T) {
	for _, d := range drawings {
		svg, err := os.ReadFile(filepath.Join(img, d.name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		r := xml.NewDecoder(strings.NewReader(string(svg)))
		for {
			token, err := r.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				seen[e.Name.Local]++
				for _, a := range e.Attr {
					if a.Name.Local == "href" || a.Name.Local == "src" {
						t.Errorf("%s: <%s %s=%q>", d.name, e.Name.Local, a.Name.Local, a.Value)
					}
				}
			}
		}
		if seen["title"] == 0 || seen["desc"] != 1 || seen["text"] < 5 || seen["image"]+seen["script"] > 0 {
			t.Errorf("%s has %v", d.name, seen)
		}
		if !strings.Contains(string(svg), "prefers-color-scheme:dark") {
			t.Errorf("%s has no colours for the dark", d.name)
		}
	}
}

// A number that the registry does not have is not drawn, and shapes are the registry's.
func TestRegistry(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an equation that does not exist has a number")
		}
	}()
	if e, _ := paper.FindEquation("25"); !strings.Contains(shape("25"), "n_{T}×n_{T}") || e.Shapes != "n_T×n_T" {
		t.Errorf("the shape of (25) is %s, in the registry %s", shape("25"), e.Shapes)
	}
	if chip("25") != "⟦25⟧" || marked("a_{5}^{t} "+chip("25")) != `a<tspan class="sub up" dy="3">5</tspan><tspan dy="-3">&#8203;</tspan><tspan class="sub" dy="-6">t</tspan><tspan dy="6">&#8203;</tspan> <tspan class="chip">(25)</tspan>` {
		t.Errorf("marked: %s", marked("a_{5}^{t} "+chip("25")))
	}
	chip("999")
}
