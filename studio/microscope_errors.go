package studio

import (
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// error fills the microscope of a cell of an error signal.
func (c *scope) error() {
	s := c.s
	name := strings.TrimPrefix(c.n.ID, c.at)
	cfg := s.Model.Config
	last := "b" + strconv.Itoa(cfg.Blocks-1) + "."
	prefix, number := c.layer()
	switch {
	case name == "D_logits":
		p, y := c.get("y_pred", c.i, c.j), c.get("y_gt", c.i, c.j)
		w := s.weight()
		if s.seq.Targets[c.i] == paper.Ignored {
			w = 0
		}
		factor := ""
		if w != 1 {
			factor = num(w) + `\cdot`
		}
		c.m.Says = "What was said, less what should have been said."
		c.show(c.cell()+`=c\left(`+c.symbol("y_pred", c.i, c.j)+`-`+c.symbol("y_gt", c.i, c.j)+`\right)`, `=`+factor+`(`+plus(p, -y)+`)=`+num(w*(p-y)), w*(p-y))
	case name == "D_12":
		c.copied("D_logits", c.i, c.j, "The first error of the backward pass.")
	case name == "D_11":
		c.copied("logits.D_prev", c.i, c.j, "What the logits hand down.")
	case name == "D_10" && c.at == last:
		c.copied("lnFinal.D_prev", c.i, c.j, "What the final layer norm hands down.")
	case name == "D_10":
		c.copied("b"+strconv.Itoa(c.block()+1)+".D_1", c.i, c.j, "The error on the input of the next block.")
	case name == "D_9":
		c.copied(c.here("D_10"), c.i, c.j, "A sum hands its error to both of its terms.")
	case name == "D_4":
		c.copied(c.here("D_5"), c.i, c.j, "A sum hands its error to both of its terms.")
	case name == "D_5":
		c.sum("Two readers, two errors: by the skip, and through the second norm.", c.here("D_10"), c.at+"ln2.D_prev")
	case name == "D_1":
		c.sum("Two readers, two errors: by the skip, and through the first norm.", c.here("D_5"), c.at+"ln1.D_prev")
	case handed[name] != "":
		c.copied(c.at+handed[name], c.i, c.j, "What the layer above hands down.")
	case name == "D_prev" && strings.Contains(c.at, "ln"):
		c.normError(prefix + "w_" + number)
	case name == "D_prev" && strings.HasSuffix(c.at, "g."):
		x, d := c.get(c.here("a_prev"), c.i, c.j), c.get(c.output(), c.i, c.j)
		_, df := slope(cfg.Activation)
		c.m.Says = "The error above, times the slope of g at the number that went in."
		c.show(c.cell()+`=`+c.symbol(c.output(), c.i, c.j)+`\cdot g'\left(`+c.symbol(c.here("a_prev"), c.i, c.j)+`\right)`, `=`+num(d)+`\cdot`+signed(df(x))+`=`+num(d*df(x)), d*df(x))
	case name == "D_prev" && c.n.Eq == "35":
		var ids []string
		for h := range cfg.Heads {
			ids = append(ids, c.at+"h"+strconv.Itoa(h)+".D_prev_h")
		}
		c.sum("Every head reads the same input, so their errors add.", ids...)
	case name == "D_prev" && c.adapted():
		c.sum("Two readers, two errors: the frozen layer and the adapter.", "logits.frozen.D_prev", "logits.lora.D_prev")
	case name == "D_prev" && c.at == "logits.lora.":
		c.times(c.lowError(c.i), c.row("d_11", c.j), s.State.Rank, "")
	case name == "D_prev":
		c.times(c.row(c.output(), c.i), c.weight(prefix+"w_"+number, c.j, -1), s.node(c.output()).Cols, "")
	case name == "D_i_h":
		d := cfg.ValueDim()
		head, _ := strconv.Atoi(strings.TrimPrefix(strings.Split(c.at, ".")[1], "h"))
		c.copied(c.above("D_3"), c.i, head*d+c.j, "The columns of the error that belong to this head.")
	case name == "D_rho":
		c.times(c.row(c.here("D_i_h"), c.i), c.row(c.here("v"), c.j), cfg.ValueDim(), "")
	case name == "D_causal":
		c.softmaxError()
	case name == "D_scaled":
		c.copied(c.here("D_causal"), c.i, c.j, "A sum hands its error on; the mask is constant.")
	case name == "D_raw":
		c.scaled(c.here("D_scaled"), cfg.ScoreScale(c.block()))
	case name == "D_prev_h":
		c.sum("Values, queries and keys read one input, so their errors add.", c.here("D_v"), c.here("D_q"), c.here("D_k"))
	case name == "D_v":
		c.twice("rho", true, "D_i_h", "w_v", cfg.ValueDim())
	case name == "D_q":
		c.twice("D_raw", false, "k", "w_q", cfg.QueryDim())
	case name == "D_k":
		c.twice("D_raw", true, "q", "w_k", cfg.QueryDim())
	default:
		c.plain()
	}
}

// handed says which step each error of table 2 is handed down by.
var handed = map[string]string{"D_8": "contract.D_prev", "D_7": "g.D_prev", "D_6": "expand.D_prev", "D_3": "attProj.D_prev", "D_2": "D_prev"}

// output is the error on the output of the layer at this place.
func (c *scope) output() string {
	at := strings.TrimSuffix(c.at, ".")
	above := map[string]string{"ln1": "D_2", "attProj": "D_4", "ln2": "D_6", "expand": "D_7", "g": "D_8", "contract": "D_9"}
	switch layer := at[strings.LastIndexByte(at, '.')+1:]; layer {
	case "lnFinal":
		return "D_11"
	case "logits", "frozen":
		return "D_12"
	default:
		return c.above(above[layer])
	}
}

// twice is (a b) wᵗ, or (aᵗ b) wᵗ: a sum over the columns of b, each a sum over tokens.
func (c *scope) twice(a string, transposed bool, b, w string, d int) {
	n := len(c.s.seq.Tokens)
	inner := func(k int) float64 {
		x := 0.0
		for t := range n {
			if transposed {
				x += c.get(c.here(a), t, c.i) * c.get(c.here(b), t, k)
			} else {
				x += c.get(c.here(a), c.i, t) * c.get(c.here(b), t, k)
			}
		}
		return x
	}
	label := c.symbol(c.here(a))
	if transposed {
		label += `^t`
	}
	label = `\left(` + label + `\,` + c.symbol(c.here(b)) + `\right)[` + strconv.Itoa(c.i+1) + `,\cdot]`
	c.times(factor{label, Error, inner}, c.row(c.here(w), c.j), d, "")
}

// softmaxError is a cell of (25), with the whole row that it trades with.
func (c *scope) softmaxError() {
	g, p := c.s.value(c.here("D_rho")), c.s.value(c.here("rho"))
	hide := c.s.value(c.here("rho_causal"))
	t := &Terms{Hot: -1}
	rows := []TermRow{{Label: set(`\Delta_\rho`), Kind: Error}, {Label: set(`\rho`), Kind: Value}, {Label: set(`\Delta_\rho\cdot\rho`), Kind: Error}, {Label: set(`\Delta_{\mathrm{causal}}`), Kind: Error}}
	mean, sum := 0.0, 0.0
	for k := range g.D {
		mean += g.At(c.i, k) * p.At(c.i, k)
	}
	for k := range g.D {
		if finite(hide.At(c.i, k)) == nil && k != c.j {
			continue
		}
		x, r := c.get(c.here("D_rho"), c.i, k), c.get(c.here("rho"), c.i, k)
		if k == c.j {
			t.Hot = len(t.Head)
		}
		t.Head = append(t.Head, c.words()[k])
		d := (x - mean) * r
		sum += d
		for i, v := range []float64{x, r, x * r, d} {
			rows[i].V = append(rows[i].V, finite(v))
		}
	}
	one := 1.0
	rows[1].Total, rows[2].Total = &one, finite(mean)
	if s := 0.0; sum < 1e-15 && sum > -1e-15 { // (26): it is rounding
		rows[3].Total = &s
	} else {
		rows[3].Total = finite(sum)
	}
	t.Rows = rows
	c.m.Terms = t
	x, r := g.At(c.i, c.j), p.At(c.i, c.j)
	d := (x - mean) * r
	w := c.words()
	switch {
	case len(t.Head) == 1:
		c.m.Says = "One entry is the whole softmax: nothing to trade, so the row is zero whatever the numbers."
	case d == 0:
		c.m.Says = "“" + w[c.i] + "” does not see “" + w[c.j] + "”: no error either."
	default:
		verb := "raise"
		if d < 0 {
			verb = "lower"
		}
		c.m.Says = "A higher score from “" + w[c.i] + "” to “" + w[c.j] + "” would " + verb + " the loss. The row sums to zero (26): what one token gains, the others lose."
	}
	c.show(c.cell()+`=\left[`+c.symbol(c.here("D_rho"), c.i, c.j)+`-\sum_k\Delta_\rho\,\rho\right]\cdot`+c.symbol(c.here("rho"), c.i, c.j), `=\left[`+plus(x, -mean)+`\right]\cdot`+num(r)+`=`+num(d), d)
}

// normError is a cell of (40).
func (c *scope) normError(gain string) {
	d := c.s.Model.Config.Width
	out := c.output()
	sum, dot := 0.0, 0.0
	var own, ownA float64 // of the cell
	t := &Terms{Hot: c.j}
	rows := []TermRow{{Label: set(`g=\Delta_i\,w`), Kind: Error}, {Label: set(`\bar a`), Kind: Value}, {Label: set(`\bar a\,g`), Kind: Error}}
	for k := range d {
		g := c.get(out, c.i, k) * c.get(gain, 0, k)
		a := c.get(c.here("abar_prev"), c.i, k)
		sum, dot = sum+g, dot+a*g
		if k == c.j {
			own, ownA = g, a
		}
		t.Head = append(t.Head, strconv.Itoa(k+1))
		for i, v := range []float64{g, a, a * g} {
			rows[i].V = append(rows[i].V, finite(v))
		}
	}
	rows[0].Total, rows[2].Total = finite(sum), finite(dot)
	t.Rows = rows
	c.m.Terms = t
	g, a, sigma := own, ownA, c.get(c.here("sigma"), 0, c.i)
	n := float64(d)
	v := (n*g - sum - a*dot) / (n * sigma)
	c.m.Says = "The error on ā without its mean and without its part along ā: a shift and a stretch of the row change nothing."
	c.show(c.cell()+`=\frac{d\,g-\sum_f g-\bar a\sum_f\bar a\,g}{d\,\sigma}`, `=\frac{`+num(n)+`\cdot`+signed(g)+plusSign(-sum)+`-`+signed(a)+`\cdot`+signed(dot)+`}{`+num(n)+`\cdot`+num(sigma)+`}=`+num(v), v)
}

// gradient fills the microscope of a cell of a gradient: a sum over tokens.
func (c *scope) gradient() {
	s := c.s
	name := strings.TrimPrefix(c.n.ID, c.at)
	n := len(s.seq.Tokens)
	overTokens := func(a, b factor) {
		c.product(`\sum_t `+a.term("t")+`\,`+b.term("t"), n, a, b, "", c.words())
		if c.m.Says == "" {
			c.m.Says = "A sum over tokens: each adds its input times its error, a matrix of rank one."
		}
	}
	ones := factor{`1[\cdot]`, Value, func(int) float64 { return 1 }}
	raw := c.here("D_raw")
	over := func(label string, kind Kind, f func(t int) float64) factor { return factor{label, kind, f} }
	inner := func(a string, i int, transposed bool, b string, j int) float64 { // Σ a[i,t'] b[t',j]
		x := 0.0
		for t := range n {
			if transposed {
				x += c.get(a, t, i) * c.get(b, t, j)
			} else {
				x += c.get(a, i, t) * c.get(b, t, j)
			}
		}
		return x
	}
	switch {
	case name == "dw_emb":
		d := map[string]string{"tok.": "b0.D_1", "pos.": "b0.D_1"}[c.at]
		c.m.Says = "The errors of the tokens that looked up this row; a row that nobody looked up gets exactly zero."
		overTokens(c.column(c.here("ohe"), c.i), c.column(d, c.j))
	case name == "dw_tok" && s.Model.Config.Tied:
		table, logits := c.get("tok.dw_emb", c.i, c.j), c.get(s.logitsGradient(), c.j, c.i)
		c.m.Says = "One matrix, read twice: by the words, and turned by the logits. Both add to its gradient."
		c.show(c.cell()+`=`+c.symbol("tok.dw_emb", c.i, c.j)+`+`+c.symbol(s.logitsGradient(), c.j, c.i), `=`+plus(table, logits)+`=`+num(table+logits), table+logits)
	case name == "dw_tok" || name == "dw_pos":
		c.copied(strings.TrimPrefix(name, "dw_")+".dw_emb", c.i, c.j, "The gradient of the table.")
	case name == "dw_v":
		overTokens(over(`\rho\,a`, Value, func(t int) float64 { return inner(c.here("rho"), t, false, c.here("a_prev_to_v"), c.i) }), c.column(c.here("D_i_h"), c.j))
	case name == "dw_q":
		overTokens(c.column(c.here("a_prev_to_q"), c.i), over(`\Delta_{\mathrm{raw}}k`, Error, func(t int) float64 { return inner(raw, t, false, c.here("k"), c.j) }))
	case name == "dw_k":
		overTokens(over(`\Delta_{\mathrm{raw}}a`, Error, func(t int) float64 { return inner(raw, t, false, c.here("a_prev_to_k"), c.i) }), c.column(c.here("q"), c.j))
	case name == "db_v":
		c.m.Says = "The sum of the errors; ρ is not in it (24)."
		overTokens(ones, c.column(c.here("D_i_h"), c.j))
	case name == "db_q":
		c.m.Says = "The keys, weighted by the errors of their scores."
		overTokens(ones, over(`\Delta_{\mathrm{raw}}k`, Error, func(t int) float64 { return inner(raw, t, false, c.here("k"), c.j) }))
	case name == "db_k":
		c.m.Says = "Exactly zero: every row of the error sums to zero, and a bias of the keys adds the same to all scores of a row (29)."
		c.show(c.cell()+`=\left(\sum_t\Delta_{\mathrm{raw}}^t\,q\right)[`+strconv.Itoa(c.j+1)+`]`, `=0`, 0)
	case strings.Contains(c.at, "ln") && name == "dw":
		overTokens(c.column(c.here("abar_prev"), c.j), c.column(c.output(), c.j))
	case strings.Contains(c.at, "ln") && name == "db":
		c.m.Says = "A bias is added to every token, so it gets the sum of their errors."
		overTokens(ones, c.column(c.output(), c.j))
	case c.at == "logits.lora.":
		c.adapterGradient(name)
	case name == "dw":
		overTokens(c.column(c.here("a_prev"), c.i), c.column(c.output(), c.j))
	case name == "db":
		c.m.Says = "A bias is added to every token, so it gets the sum of their errors."
		overTokens(ones, c.column(c.output(), c.j))
	default:
		if own := c.own(name); own != "" {
			c.copied(own, c.i, c.j, "What the layer's own backward pass returns.")
			return
		}
		c.plain()
	}
}

// own is the gradient of a row of table 3 as the layer itself recorded it.
func (c *scope) own(name string) string {
	if c.s.adapter != nil && strings.HasSuffix(name, "_11") {
		if id := "logits.frozen." + strings.TrimSuffix(name, "_11"); c.s.node(id) != nil {
			return id
		}
		return "logits.lora." + strings.TrimSuffix(name, "_11")
	}
	for layer, number := range layerNumbers {
		for _, letter := range []string{"w", "b"} {
			if name == "d"+letter+"_"+number {
				id := c.at + layer + ".d" + letter
				if c.s.node(id) != nil {
					return id
				}
			}
		}
	}
	return ""
}

// The cells of an adapter beside the logits, whose α is 1.

// low is a row of a d, r numbers.
func (c *scope) low(a string, i int) factor {
	return factor{`\left(` + c.symbol(a) + `\,d_{11}\right)[` + strconv.Itoa(i+1) + `,\cdot]`, Value, func(k int) float64 {
		x := 0.0
		for f := range c.s.node("d_11").Rows {
			x += c.get(a, i, f) * c.get("d_11", f, k)
		}
		return x
	}}
}

// lowError is a row of Δ uᵗ, r numbers.
func (c *scope) lowError(i int) factor {
	return factor{`\left(\Delta_{12}\,u_{11}^t\right)[` + strconv.Itoa(i+1) + `,\cdot]`, Error, func(k int) float64 {
		x := 0.0
		for f := range c.s.node("u_11").Cols {
			x += c.get("D_12", i, f) * c.get("u_11", k, f)
		}
		return x
	}}
}

// adapterGradient is a cell of ∂L/∂d or ∂L/∂u: a sum over tokens.
func (c *scope) adapterGradient(name string) {
	n := len(c.s.seq.Tokens)
	if name == "dd" {
		c.m.Says = "Zero while u is zero: at the start only u can move."
		c.product(`\sum_t a_{11}[t,`+strconv.Itoa(c.i+1)+`]\left(\Delta_{12}\,u_{11}^t\right)[t,`+strconv.Itoa(c.j+1)+`]`, n, c.column("logits.lora.a_prev", c.i),
			factor{`\left(\Delta_{12}\,u_{11}^t\right)[\cdot]`, Error, func(t int) float64 { return c.lowError(t).at(c.j) }}, "", c.words())
		return
	}
	c.m.Says = "The gradient of a layer that reads what d makes."
	c.product(`\sum_t \left(a_{11}\,d_{11}\right)[t,`+strconv.Itoa(c.i+1)+`]\,\Delta_{12}[t,`+strconv.Itoa(c.j+1)+`]`, n,
		factor{`\left(a_{11}\,d_{11}\right)[\cdot]`, Value, func(t int) float64 { return c.low("logits.lora.a_prev", t).at(c.i) }}, c.column("D_12", c.j), "", c.words())
}

// plain shows a number that is not taken apart.
func (c *scope) plain() {
	x := c.s.value(c.n.ID).At(c.i, c.j)
	c.show(c.cell(), `=`+num(x), x)
}
