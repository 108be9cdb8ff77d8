package studio

import (
	"math"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// look fills the microscope by the equation of the node.
func (c *scope) look() {
	switch c.n.Kind {
	case Parameter:
		c.m.Says = "A parameter: it is what training has made of it, and it takes its gradient times a small step."
		c.show(c.cell(), `=`+num(c.m.Value), c.s.value(c.n.ID).At(c.i, c.j))
	case Mask:
		c.m.Says = "0 where a token is seen, −∞ where it is not: softmax makes an exact 0 of it."
		c.show(c.cell(), `=`+num(c.m.Value), c.m.Value)
	case Gradient:
		c.gradient()
	case Error:
		c.error()
	default:
		c.forward()
	}
}

// layer is the suffix of the parameters' names at this place, such as "6" at b0.expand, and the
// prefix of their ids.
func (c *scope) layer() (prefix, number string) {
	at := strings.TrimSuffix(c.at, ".")
	name := at[strings.LastIndexByte(at, '.')+1:]
	if name == "frozen" { // beside an adapter
		return "", layerNumbers["logits"]
	}
	return strings.TrimSuffix(at, name), layerNumbers[name]
}

// adapted says whether an adapter stands beside the layer at this place.
func (c *scope) adapted() bool { return c.s.adapter != nil && c.at == "logits." }

func (c *scope) forward() {
	s, n := c.s, c.n
	name := strings.TrimPrefix(n.ID, c.at)
	cfg := s.Model.Config
	prefix, number := c.layer()
	switch {
	case name == "a_0" || name == "ohe" || name == "y_gt" || strings.HasPrefix(n.Symbol, "σ ="):
		c.m.Says = "It is given: the words of the sentence."
		c.show(c.cell(), `=`+num(s.value(n.ID).At(c.i, c.j)), s.value(n.ID).At(c.i, c.j))
	case (c.at == "tok." || c.at == "pos.") && name == "a_i":
		table := "w_" + strings.TrimSuffix(c.at, ".")
		row := s.seq.Tokens[c.i]
		if c.at == "pos." {
			row = c.i
		}
		c.copied(table, row, c.j, "A product with a one-hot row looks up a row of the table.")
	case name == "a_1" && c.at == "b0.":
		c.sum("The word, and its place.", "tok.a_i", "pos.a_i")
	case name == "a_1":
		c.copied("b"+strconv.Itoa(c.block()-1)+".a_10", c.i, c.j, "The output of the block before.")
	case name == "a_prev" || strings.HasPrefix(name, "a_prev_to_"):
		c.copied(c.input(name), c.i, c.j, "One of several readers of the same tensor.")
	case name == "sigma":
		t := c.j // a number for each token, recorded as a row
		x := c.row(c.here("a_prev"), t)
		d := cfg.Width
		mean := c.mean(x, d)
		v := 0.0
		for k := range d {
			v += (x.at(k) - mean) * (x.at(k) - mean)
		}
		v = math.Sqrt(v/float64(d) + cfg.Eps)
		c.m.Says = "The deviation of the token's features."
		c.show(c.symbol(n.ID, t)+`=\sqrt{\frac{1}{d}\sum_f(a_f-\mu)^2+\varepsilon}`, `=`+num(v), v)
	case name == "abar_prev":
		x := c.row(c.here("a_prev"), c.i)
		mean, sigma, a := c.mean(x, cfg.Width), c.get(c.here("sigma"), 0, c.i), c.get(c.here("a_prev"), c.i, c.j)
		v := (a - mean) / sigma
		c.m.Says = "Less the mean of the token, over its deviation."
		c.show(c.cell()+`=\frac{`+c.symbol(c.here("a_prev"), c.i, c.j)+`-\mu}{\sigma}`, `=\frac{`+plus(a, -mean)+`}{`+num(sigma)+`}=`+num(v), v)
	case name == "a_i" && (strings.Contains(c.at, "ln")):
		a, w := c.get(c.here("abar_prev"), c.i, c.j), c.get(prefix+"w_"+number, 0, c.j)
		formula, numbers, v := c.cell()+`=`+c.symbol(c.here("abar_prev"), c.i, c.j)+`\,`+c.symbol(prefix+"w_"+number, c.j), `=`+num(a)+`\cdot`+signed(w), a*w
		if bias := prefix + "b_" + number; s.node(bias) != nil {
			b := c.get(bias, 0, c.j)
			formula, numbers, v = formula+`+`+c.symbol(bias, c.j), numbers+plusSign(b), v+b
		}
		c.show(formula, numbers+`=`+num(v), v)
	case name == "v" || name == "q" || name == "k":
		c.times(c.row(c.here("a_prev_to_"+name), c.i), c.column(c.here("w_"+name), c.j), cfg.Width, c.here("b_"+name))
	case name == "rho_raw":
		c.times(c.row(c.here("q"), c.i), c.row(c.here("k"), c.j), cfg.QueryDim(), "")
		c.m.Says = "How well the query of “" + c.words()[c.i] + "” fits the key of “" + c.words()[c.j] + "”."
	case name == "rho_scaled":
		c.scaled(c.here("rho_raw"), cfg.ScoreScale(c.block()))
	case name == "rho_causal":
		x, m := c.get(c.here("rho_scaled"), c.i, c.j), c.get(c.here("m"), c.i, c.j)
		c.show(c.cell()+`=`+c.symbol(c.here("rho_scaled"), c.i, c.j)+`+`+c.symbol(c.here("m"), c.i, c.j), `=`+plus(x, m)+`=`+num(x+m), x+m)
	case name == "rho":
		c.softmax(c.here("rho_causal"), c.words())
	case name == "a_i_h":
		c.product(`\sum_t `+c.symbol(c.here("rho"))+`[`+strconv.Itoa(c.i+1)+`,t]\,`+c.symbol(c.here("v"))+`[t,`+strconv.Itoa(c.j+1)+`]`, len(s.seq.Tokens), c.row(c.here("rho"), c.i), c.column(c.here("v"), c.j), "", c.words())
		c.m.Says = "A mean of the values of all tokens, weighted by a row of ρ."
	case name == "a_i" && strings.Count(c.at, ".") == 1 && strings.HasPrefix(c.at, "b") && n.Eq == "34":
		h := c.j / cfg.ValueDim()
		c.copied(c.at+"h"+strconv.Itoa(h)+".a_i_h", c.i, c.j%cfg.ValueDim(), "The columns of the heads stand side by side.")
	case name == "a_i" && strings.HasSuffix(c.at, "g."):
		x := c.get(c.here("a_prev"), c.i, c.j)
		f, _ := slope(cfg.Activation)
		c.show(c.cell()+`=g\left(`+c.symbol(c.here("a_prev"), c.i, c.j)+`\right)`, `=g(`+num(x)+`)=`+num(f(x)), f(x))
	case name == "a_i" && c.adapted():
		c.sum("The frozen layer, and the adapter beside it.", "logits.frozen.a_i", "logits.lora.a_i")
	case name == "a_i" && c.at == "logits.lora.":
		c.times(c.low("logits.lora.a_prev", c.i), c.column("u_11", c.j), s.State.Rank, "")
	case name == "a_i":
		c.times(c.row(c.here("a_prev"), c.i), c.weight(prefix+"w_"+number, -1, c.j), s.node(c.here("a_prev")).Cols, prefix+"b_"+number)
	case name == "a_5":
		c.sum("The skip: what came in, and what the heads add to it.", c.here("a_1"), c.here("a_4"))
	case name == "a_10":
		c.sum("The skip: what came in, and what the feed-forward layers add to it.", c.here("a_5"), c.here("a_9"))
	case strings.HasPrefix(name, "a_") && outputs[name] != "":
		c.copied(c.at+outputs[name], c.i, c.j, "The output of the layer, under the name that it has in table 2.")
	case name == "y_pred":
		c.softmax("a_12", s.Model.Words)
	case name == "l":
		t := c.j
		y := s.seq.Targets[t]
		if y == paper.Ignored {
			c.m.Says = "This token has no target."
			c.show(c.symbol(n.ID, t)+`=0`, ``, s.value(n.ID).At(0, t))
			return
		}
		p := c.get("y_pred", t, y)
		c.m.Says = "The word that came is “" + s.Model.Words[y] + "”."
		c.show(c.symbol(n.ID, t)+`=-\log `+c.symbol("y_pred", t, y), `=-\log `+num(p)+`=`+num(-math.Log(p)), -math.Log(p))
	case name == "L" && c.at == "all.":
		c.copied("L", 0, 0, "The losses of all sequences; here there is one.")
	case name == "L":
		weight, total := s.weight(), 0.0
		var xs []float64
		for t := range s.seq.Tokens {
			if s.seq.Targets[t] != paper.Ignored {
				xs = append(xs, c.get("l", 0, t))
				total += weight * xs[len(xs)-1]
			}
		}
		factor := ""
		if weight != 1 {
			factor = num(weight) + `\cdot`
		}
		c.show(`L=c\sum_t\ell_t`, `=`+factor+`(`+plus(xs...)+`)=`+num(total), total)
	default:
		c.plain()
	}
}

// outputs says which layer's output each stage of table 2 is.
var outputs = map[string]string{"a_2": "ln1.a_i", "a_3": "a_i", "a_4": "attProj.a_i", "a_6": "ln2.a_i", "a_7": "expand.a_i", "a_8": "g.a_i", "a_9": "contract.a_i",
	"a_11": "lnFinal.a_i", "a_12": "logits.a_i"}

func plusSign(x float64) string {
	if x < 0 {
		return `-` + num(-x)
	}
	return `+` + num(x)
}

func (c *scope) block() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(strings.SplitN(c.at, ".", 2)[0], "b"))
	return n
}

func (s *Session) weight() float64 {
	r := paper.Sum
	if s.State.Mean {
		r = paper.Mean
	}
	return r.Weight([]paper.Sequence{s.seq})
}

// input is the id of the tensor that a layer at this place reads.
func (c *scope) input(name string) string {
	switch {
	case strings.HasPrefix(name, "a_prev_to_") && name != "a_prev_to_h" && name != "a_prev_to_mask":
		return c.here("a_prev_to_h")
	case name == "a_prev_to_h":
		return c.above("a_prev")
	}
	at := strings.TrimSuffix(c.at, ".")
	reads := map[string]string{"ln1": "a_1", "attProj": "a_3", "ln2": "a_5", "expand": "a_6", "g": "a_7", "contract": "a_8"}
	layer := at[strings.LastIndexByte(at, '.')+1:]
	switch {
	case layer == "lnFinal":
		return "b" + strconv.Itoa(c.s.Model.Config.Blocks-1) + ".a_10"
	case strings.HasPrefix(at, "logits"):
		return "a_11"
	case reads[layer] != "":
		return c.above(reads[layer])
	}
	return c.here("a_2") // of the heads together
}

func (c *scope) mean(x factor, n int) (mean float64) {
	for k := range n {
		mean += x.at(k)
	}
	return mean / float64(n)
}

func (c *scope) scaled(id string, by float64) {
	x := c.get(id, c.i, c.j)
	c.show(c.cell()+`=`+c.symbol(id, c.i, c.j)+`/\sqrt{d_\rho}`, `=`+num(x)+`\cdot`+num(by)+`=`+num(x*by), x*by)
}

// softmax is a row of ρ or of the prediction.
func (c *scope) softmax(id string, head []string) {
	row := c.s.value(id).Row(c.i)
	top := math.Inf(-1)
	for _, x := range row {
		top = max(top, x)
	}
	z, e := TermRow{Label: set(c.symbol(id)), Kind: Value}, TermRow{Label: set(`e^{` + c.symbol(id) + `}`), Kind: Value}
	p := TermRow{Label: set(c.symbol(c.n.ID)), Kind: Value}
	t := &Terms{Hot: c.j}
	total := 0.0
	for _, x := range row {
		total += math.Exp(x)
	}
	hot := math.NaN()
	for k, x := range row {
		c.get(id, c.i, k)
		if math.IsInf(x, -1) && k != c.j {
			continue
		}
		if k == c.j {
			t.Hot = len(t.Head)
		}
		y, ex, q := x, math.Exp(x), math.Exp(x)/total
		if k == c.j {
			hot = q
		}
		t.Head = append(t.Head, head[k])
		z.V, e.V, p.V = append(z.V, finite(y)), append(e.V, finite(ex)), append(p.V, finite(q))
	}
	one := 1.0
	e.Total, p.Total = finite(total), &one
	t.Rows = []TermRow{z, e, p}
	c.m.Terms = t
	x := row[c.j]
	c.m.Says = "The share of one exponential in the sum of all; a row sums to one."
	c.show(c.cell()+`=\frac{e^{`+c.symbol(id, c.i, c.j)+`}}{\sum_k e^{`+c.symbol(id)+`[`+strconv.Itoa(c.i+1)+`,k]}}`, `=\frac{`+num(math.Exp(x))+`}{`+num(total)+`}=`+num(hot), hot)
}

// finite is nil where x is not a number that JSON has.
func finite(x float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return &x
}

// slope returns g and its derivative, by package paper itself.
func slope(g pedestrian.Activation) (f, df func(x float64) float64) {
	one := paper.Mat{N: 1, D: 1, V: []float64{1}}
	at := func(x float64) (paper.Mat, func(paper.Mat) paper.Mat) {
		return paper.Activate(nil, paper.Mat{N: 1, D: 1, V: []float64{x}}, g)
	}
	f = func(x float64) float64 { a, _ := at(x); return a.V[0] }
	df = func(x float64) float64 { _, back := at(x); return back(one).V[0] }
	return f, df
}
