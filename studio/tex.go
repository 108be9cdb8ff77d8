package studio

import (
	"fmt"
	"html"
	"strings"
	"unicode"
)

// mathML writes a formula of the registry or of a chapter, which is in TeX, as a math element.
// A tilde becomes a row of class "wide-tilde": the page draws it over the whole operand,
// which no browser does by itself. There are no inline styles, which the page forbids.
// It returns an error for a command that it does not know.
func mathML(tex string) (string, error) { return mathElement(tex, false) }

// displayML is mathML for a formula on a line of its own: sums have their limits below.
func displayML(tex string) (string, error) { return mathElement(tex, true) }

func mathElement(tex string, display bool) (string, error) {
	p := &texReader{src: []rune(tex)}
	row := p.row("")
	if p.err == nil && p.at < len(p.src) {
		p.fail("%q stands alone", string(p.src[p.at]))
	}
	if p.err != nil {
		return "", fmt.Errorf("studio: formula %s: %w", tex, p.err)
	}
	if display {
		return `<math display="block">` + row + `</math>`, nil
	}
	return `<math>` + row + `</math>`, nil
}

// A texReader reads TeX from left to right.
type texReader struct {
	src   []rune
	at    int
	depth int
	err   error
}

// maxTeXDepth is how deep groups may lie within each other.
const maxTeXDepth = 50

func (p *texReader) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.at = len(p.src)
}

// row reads elements up to one of the characters or commands that end it: "}", "&", `\\`,
// `\cr`, `\right`, `\end`, or until, which "" leaves out.
func (p *texReader) row(until string) string {
	if p.depth++; p.depth > maxTeXDepth {
		p.fail("more than %d groups within each other", maxTeXDepth)
	}
	defer func() { p.depth-- }()
	var b strings.Builder
	n := 0
	for p.at < len(p.src) {
		r := p.src[p.at]
		if r == '}' || r == '&' || until != "" && strings.ContainsRune(until, r) || p.ends() {
			break
		}
		if unicode.IsSpace(r) {
			p.at++
			continue
		}
		b.WriteString(p.scripted())
		n++
	}
	if n == 1 {
		return b.String()
	}
	return "<mrow>" + b.String() + "</mrow>"
}

// ends says whether a command stands here that ends a row.
func (p *texReader) ends() bool {
	rest := string(p.src[p.at:min(p.at+8, len(p.src))])
	return strings.HasPrefix(rest, `\\`) || strings.HasPrefix(rest, `\cr`) || strings.HasPrefix(rest, `\right`) && !strings.HasPrefix(rest, `\righta`) || strings.HasPrefix(rest, `\end`)
}

// scripted reads an element with what stands below and above it.
func (p *texReader) scripted() string {
	base, limits := p.element()
	var sub, sup string
	raised := false // by ^
	for p.at < len(p.src) {
		switch r := p.src[p.at]; {
		case r == '_' && sub == "":
			p.at++
			sub = p.argument()
		case r == '^' && !raised: // primes may stand before it
			p.at++
			raised = true
			sup += p.argument()
		case r == '\'':
			p.at++
			sup += "<mo>′</mo>"
		case unicode.IsSpace(r):
			p.at++
			continue
		case p.skip(`\limits`):
			limits = true
		default:
			return scripts(base, sub, sup, limits)
		}
	}
	return scripts(base, sub, sup, limits)
}

func scripts(base, sub, sup string, limits bool) string {
	under := map[bool]string{true: "munder", false: "msub"}[limits]
	over := map[bool]string{true: "mover", false: "msup"}[limits]
	both := map[bool]string{true: "munderover", false: "msubsup"}[limits]
	if strings.Count(sup, "<mo>′</mo>") > 1 || strings.HasPrefix(sup, "<mo>′</mo><") || strings.HasSuffix(sup, "><mo>′</mo>") {
		sup = "<mrow>" + sup + "</mrow>"
	}
	switch {
	case sub != "" && sup != "":
		return "<" + both + ">" + base + sub + sup + "</" + both + ">"
	case sub != "":
		return "<" + under + ">" + base + sub + "</" + under + ">"
	case sup != "":
		return "<" + over + ">" + base + sup + "</" + over + ">"
	}
	return base
}

// argument reads what a command or a script applies to: a group or one element. A number
// without braces gives its first digit, as in TeX: \frac12 is a half.
func (p *texReader) argument() string {
	p.blanks()
	if p.at >= len(p.src) {
		p.fail("something is missing at the end")
		return ""
	}
	if r := p.src[p.at]; '0' <= r && r <= '9' {
		p.at++
		return "<mn>" + string(r) + "</mn>"
	}
	e, _ := p.element()
	return e
}

func (p *texReader) blanks() {
	for p.at < len(p.src) && unicode.IsSpace(p.src[p.at]) {
		p.at++
	}
}

// skip reads s, if it stands here.
func (p *texReader) skip(s string) bool {
	if strings.HasPrefix(string(p.src[p.at:min(p.at+len(s), len(p.src))]), s) {
		p.at += len([]rune(s))
		return true
	}
	return false
}

// raw reads a group, or one character, as text.
func (p *texReader) raw() string {
	p.blanks()
	if p.at >= len(p.src) {
		p.fail("a word is missing at the end")
		return ""
	}
	if p.src[p.at] != '{' {
		p.at++
		return string(p.src[p.at-1])
	}
	from := p.at + 1
	for depth := 0; p.at < len(p.src); p.at++ {
		switch p.src[p.at] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				p.at++
				return string(p.src[from : p.at-1])
			}
		}
	}
	p.fail("a brace is not closed")
	return ""
}

// element reads one element without scripts. limits says that its scripts stand below and
// above it.
func (p *texReader) element() (e string, limits bool) {
	r := p.src[p.at]
	switch {
	case r == '{':
		if rest := string(p.src[p.at:min(p.at+3, len(p.src))]); rest == "{,}" || rest == "{:}" || rest == "{=}" {
			p.at += 3
			return `<mo lspace="0" rspace="0">` + rest[1:2] + "</mo>", false
		}
		p.at++
		e = p.row("")
		if p.at >= len(p.src) || p.src[p.at] != '}' {
			p.fail("a brace is not closed")
			return "", false
		}
		p.at++
		return e, false
	case r == '\\':
		return p.command()
	case '0' <= r && r <= '9':
		from := p.at
		for p.at < len(p.src) && ('0' <= p.src[p.at] && p.src[p.at] <= '9' || p.src[p.at] == '.' && p.at+1 < len(p.src) && unicode.IsDigit(p.src[p.at+1]) || p.skip("{,}")) {
			if unicode.IsDigit(p.src[p.at]) || p.src[p.at] == '.' {
				p.at++
			}
		}
		return "<mn>" + strings.ReplaceAll(string(p.src[from:p.at]), "{,}", ",") + "</mn>", false
	case unicode.IsLetter(r):
		p.at++
		if unicode.Is(unicode.Greek, r) && unicode.IsUpper(r) {
			return `<mi mathvariant="normal">` + string(r) + "</mi>", false
		}
		return "<mi>" + string(r) + "</mi>", false
	}
	p.at++
	switch r {
	case '^', '_':
		p.fail("%q has nothing before it, or is the second one", string(r))
		return "", false
	case '-':
		return "<mo>−</mo>", false
	case '*':
		return "<mo>∗</mo>", false
	case '~':
		return `<mspace width="0.33em"></mspace>`, false
	case '[', ']', '(', ')', '|':
		return `<mo stretchy="false">` + string(r) + "</mo>", false
	case ',', ';':
		return `<mo separator="true">` + string(r) + "</mo>", false
	}
	return "<mo>" + html.EscapeString(string(r)) + "</mo>", false
}

// name reads the name of a command behind its backslash.
func (p *texReader) name() string {
	p.at++
	from := p.at
	for p.at < len(p.src) && (unicode.IsLetter(p.src[p.at]) && p.src[p.at] < 128) {
		p.at++
	}
	if p.at == from && p.at < len(p.src) {
		p.at++
	}
	return string(p.src[from:p.at])
}

// command reads a command and its arguments.
func (p *texReader) command() (e string, limits bool) {
	n := p.name()
	if l, ok := texLetters[n]; ok {
		if unicode.IsUpper([]rune(l)[0]) && n != "ell" {
			return `<mi mathvariant="normal">` + l + "</mi>", false
		}
		return "<mi>" + l + "</mi>", false
	}
	if o, ok := texOperators[n]; ok {
		return "<mo>" + o + "</mo>", false
	}
	if f, ok := texFences[n]; ok {
		return `<mo stretchy="false">` + f + "</mo>", false
	}
	if w, ok := texSpaces[n]; ok {
		return `<mspace width="` + w + `"></mspace>`, false
	}
	switch n {
	case "log", "ln", "exp", "sin", "cos", "tanh":
		return "<mi>" + n + "</mi><mo>&#x2061;</mo>", false
	case "max", "min":
		return `<mo movablelimits="true">` + n + "</mo>", true
	case "sum":
		return `<mo movablelimits="true">∑</mo>`, true
	case "frac", "tfrac":
		return "<mfrac>" + p.argument() + p.argument() + "</mfrac>", false
	case "sqrt":
		return "<msqrt>" + p.argument() + "</msqrt>", false
	case "widetilde", "tilde":
		return `<mrow class="wide-tilde">` + p.argument() + "</mrow>", false
	case "bar", "overline":
		return `<mover accent="true">` + p.argument() + `<mo stretchy="` + map[bool]string{true: "true", false: "false"}[n == "overline"] + `">¯</mo></mover>`, false
	case "hat":
		return `<mover accent="true">` + p.argument() + `<mo stretchy="false">^</mo></mover>`, false
	case "mathrm", "mathop", "operatorname":
		return upright(p.raw()), n == "mathop"
	case "mathbf":
		return "<mi>" + alphabet(p.raw(), 0x1D400, 0x1D41A) + "</mi>", false
	case "mathbb":
		return "<mi>" + alphabet(p.raw(), 0x1D538, 0x1D552) + "</mi>", false
	case "text":
		t := p.raw()
		if strings.HasPrefix(t, " ") { // MathML takes blanks at the ends away
			t = "\u00a0" + t[1:]
		}
		if strings.HasSuffix(t, " ") {
			t = t[:len(t)-1] + "\u00a0"
		}
		return "<mtext>" + html.EscapeString(t) + "</mtext>", false
	case "phantom":
		return "<mphantom>" + p.argument() + "</mphantom>", false
	case "underset":
		below := p.argument()
		return "<munder>" + p.argument() + below + "</munder>", false
	case "underbrace":
		return "<munder>" + p.argument() + `<mo stretchy="true">⏟</mo></munder>`, true
	case "left":
		return p.fenced(), false
	case "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "Bigg":
		return p.fence(map[bool]string{true: "1.4em", false: "1.9em"}[n[0] == 'b']), false
	case "bmod":
		return "<mo>mod</mo>", false
	case "begin":
		return p.environment(), false
	}
	p.fail(`there is no command \%s`, n)
	return "", false
}

// upright is a word in upright letters; what is between its letters stays: FC+LoRA.
func upright(s string) string {
	s = strings.ReplaceAll(s, `\ `, " ")
	if len([]rune(s)) == 1 {
		return `<mi mathvariant="normal">` + html.EscapeString(s) + "</mi>"
	}
	if strings.ContainsAny(s, " -+") {
		return "<mtext>" + html.EscapeString(s) + "</mtext>"
	}
	return "<mi>" + html.EscapeString(s) + "</mi>"
}

// alphabet writes Latin letters in another alphabet of Unicode, which begins at upper and lower.
func alphabet(s string, upper, lower rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			if upper == 0x1D538 && strings.ContainsRune("CHNPQRZ", r) { // these are older than the rest
				return map[rune]rune{'C': 'ℂ', 'H': 'ℍ', 'N': 'ℕ', 'P': 'ℙ', 'Q': 'ℚ', 'R': 'ℝ', 'Z': 'ℤ'}[r]
			}
			return upper + r - 'A'
		case 'a' <= r && r <= 'z':
			return lower + r - 'a'
		}
		return r
	}, s)
}

// fence reads one delimiter and makes it as high as size says.
func (p *texReader) fence(size string) string {
	f := p.delimiter()
	if f == "" {
		return ""
	}
	return `<mo fence="true" stretchy="true" minsize="` + size + `" maxsize="` + size + `">` + f + "</mo>"
}

func (p *texReader) delimiter() string {
	p.blanks()
	if p.at >= len(p.src) {
		p.fail("a delimiter is missing")
		return ""
	}
	if p.src[p.at] == '\\' {
		n := p.name()
		if f, ok := texFences[n]; ok {
			return f
		}
		p.fail(`\%s is not a delimiter`, n)
		return ""
	}
	p.at++
	if p.src[p.at-1] == '.' {
		return ""
	}
	return html.EscapeString(string(p.src[p.at-1]))
}

// fenced reads from behind \left to the delimiter behind \right.
func (p *texReader) fenced() string {
	mo := func(f string) string {
		if f == "" {
			return ""
		}
		return `<mo fence="true" stretchy="true">` + f + "</mo>"
	}
	open := mo(p.delimiter())
	inner := p.row("")
	if !p.skip(`\right`) {
		p.fail(`\left has no \right`)
		return ""
	}
	return "<mrow>" + open + inner + mo(p.delimiter()) + "</mrow>"
}

// environment reads a matrix, or lines that are aligned.
func (p *texReader) environment() string {
	kind := p.raw()
	open, end := "", ""
	switch kind {
	case "pmatrix":
		open, end = "(", ")"
	case "bmatrix":
		open, end = "[", "]"
	case "cases":
		open = "{"
	case "aligned", "align", "align*", "matrix", "gathered", "split":
	case "array":
		p.raw() // columns
	default:
		p.fail("there is no environment %s", kind)
		return ""
	}
	var b strings.Builder
	b.WriteString("<mtable")
	if strings.HasPrefix(kind, "align") || kind == "split" {
		b.WriteString(` class="aligned"`)
	}
	b.WriteString("><mtr><mtd>")
	for p.at < len(p.src) {
		b.WriteString(p.row(""))
		switch {
		case p.at < len(p.src) && p.src[p.at] == '&':
			p.at++
			b.WriteString("</mtd><mtd>")
		case p.skip(`\\`) || p.skip(`\cr`):
			p.blanks()
			if rest := string(p.src[p.at:]); !strings.HasPrefix(rest, `\end`) {
				b.WriteString("</mtd></mtr><mtr><mtd>")
			}
		case p.skip(`\end`):
			if got := p.raw(); got != kind && p.err == nil {
				p.fail("%s is ended by %s", kind, got)
			}
			table := b.String() + "</mtd></mtr></mtable>"
			if open == "" {
				return table
			}
			table = `<mrow><mo fence="true">` + open + "</mo>" + table
			if end != "" {
				table += `<mo fence="true">` + end + "</mo>"
			}
			return table + "</mrow>"
		default:
			p.fail("%s does not end", kind)
		}
	}
	p.fail("%s does not end", kind)
	return ""
}

var texLetters = map[string]string{
	"alpha": "α", "beta": "β", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ",
	"mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "varphi": "φ", "omega": "ω", "Delta": "Δ", "Phi": "Φ", "Sigma": "Σ", "Omega": "Ω",
	"ell": "ℓ", "partial": "∂", "infty": "∞", "nabla": "∇",
}

var texOperators = map[string]string{
	"cdot": "·", "times": "×", "circ": "∘", "ominus": "⊖", "oplus": "⊕", "ast": "∗", "pm": "±", "sim": "∼", "cong": "≅", "approx": "≈",
	"le": "≤", "ge": "≥", "lt": "&lt;", "gt": "&gt;", "ll": "≪", "gg": "≫", "ne": "≠", "in": "∈", "to": "→", "mid": "∣",
	"leftarrow": "←", "longrightarrow": "⟶", "Longrightarrow": "⟹", "Rightarrow": "⇒", "cdots": "⋯", "ldots": "…", "dots": "…", "vdots": "⋮", "ddots": "⋱",
	"%": "%", "&": "&amp;", "_": "_", "#": "#", "prime": "′",
}

var texFences = map[string]string{
	"lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩",
	"{": "{", "}": "}", "|": "‖",
}

var texSpaces = map[string]string{
	",": "0.17em", "thinspace": "0.17em", ":": "0.22em", ";": "0.28em", " ": "0.25em", "!": "-0.17em", "quad": "1em", "qquad": "2em",
}
