package exercises

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// An exercise is a layer whose backward pass is checked.
type exercise struct {
	name, file string
	output     string   // the name in the world of what the layer computes on the way up
	forward    compute  // that output
	back       []result // what back returns, in the order in which one would write it
}

// A compute makes numbers of those of an instance.
type compute = func(in *derive.Instance) paper.Mat

// A result is one output of a layer: what it is in words, the exercise of package derive
// that grades it, and how to compute it from the numbers of an instance.
type result struct {
	what    string
	grade   *derive.Exercise
	compute compute
}

// report says of every result of back whether it is right, and if not, what is wrong.
// right is false unless all are.
func (x exercise) report() (text string, right bool) {
	var b strings.Builder
	say := func(indent, format string, args ...any) { b.WriteString(wrapped(indent, fmt.Sprintf(format, args...))) }
	say("", "%s, in exercises/%s", x.name, x.file)
	if where, ok := x.forwardDiffers(); ok {
		say("", "The forward pass has changed: %s. Only back is to be written here; git diff shows what else differs.", where)
		return b.String(), false
	}
	verdicts := make([]derive.Verdict, len(x.back))
	written := false
	right = true
	for i, r := range x.back {
		verdicts[i] = r.grade.GradeNumbers(r.compute)
		written = written || verdicts[i].ID != "nothing"
		right = right && verdicts[i].Status == derive.Right
	}
	if !written {
		say("", "Nothing is written yet. back must return")
	}
	for i, r := range x.back {
		switch v := verdicts[i]; {
		case !written:
			say("  ", "%s: %s", r.what, v.Shape)
		case v.ID == "nothing":
			say("", "%s: not written yet", r.what)
			say("  ", "It must be %s.", v.Shape)
		case v.Status == derive.Right:
			say("", "%s: right", r.what)
		default:
			say("", "%s: wrong", r.what)
			say("  ", "%s", v.Message)
		}
	}
	if !written {
		say("", `Put your lines where it says "Your lines", and run the test again. What is written is judged, also where the rest is missing.`)
		say("", "A first hint: %s", x.back[0].grade.Hints[0])
		say("", "More hints: exercises/README.md. The same as a formula: pedestrian derive %s", x.back[0].grade.ID)
	}
	return b.String(), right
}

// forwardDiffers says where the output of the layer is not that of the world.
func (x exercise) forwardDiffers() (where string, differs bool) {
	for i := range 5 {
		in := x.back[0].grade.Instance(i)
		want, have := at(in, x.output), paper.Mat{}
		if says := panicOf(func() { have = x.forward(in) }); says != "" {
			return "it panics: " + says, true
		}
		if have.N != want.N || have.D != want.D {
			return fmt.Sprintf("its output is %d×%d and was %d×%d", have.N, have.D, want.N, want.D), true
		}
		for j, y := range want.V {
			if !(math.Abs(have.V[j]-y) <= 1e-12*(1+math.Abs(y))) { // both are sums of some ten terms of order one
				return fmt.Sprintf("number [%d, %d] of its output is %.6g and was %.6g", j/want.D+1, j%want.D+1, have.V[j], y), true
			}
		}
	}
	return "", false
}

// panicOf is what f panics with, "" where it does not.
func panicOf(f func()) (says string) {
	defer func() {
		if r := recover(); r != nil {
			says = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// wrapped breaks a text into indented lines of at most 70 columns: testing indents them by 8.
func wrapped(indent, text string) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if len([]rune(line))+1+len([]rune(word)) > 70 && line != indent {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}

// graded is the exercise of package derive with that id.
func graded(id string) *derive.Exercise {
	x := derive.FindExercise(id)
	if x == nil {
		panic("there is no exercise " + id)
	}
	return x
}

// at is the numbers of a name of an instance, a copy that a layer may write to.
func at(in *derive.Instance, name string) paper.Mat {
	m, ok := in.Value(name)
	if !ok {
		panic("the world has no " + name)
	}
	return paper.Mat{N: m.N, D: m.D, V: slices.Clone(m.V)}
}

// vec is a vector of an instance, num a number, and ids are integers.
func vec(in *derive.Instance, name string) paper.Vec { return at(in, name).V }
func num(in *derive.Instance, name string) float64   { return at(in, name).V[0] }
func ids(in *derive.Instance, name string) (all []int) {
	for _, x := range vec(in, name) {
		all = append(all, int(x))
	}
	return all
}

// row is a vector with one number a feature, as a result.
func row(v paper.Vec) paper.Mat { return paper.Mat{N: min(1, len(v)), D: len(v), V: v} }
