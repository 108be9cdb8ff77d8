package lesson

import (
	"regexp"
	"strings"
	"unicode"
)

// unTeX writes a formula of the chapters or of the registry for a terminal: one line for each
// of its own. It knows the commands that the chapters use, and a test reads them all; another
// command stays as it is, with its backslash.
func unTeX(tex string) (lines []string) {
	r := &texReader{src: []rune(strings.TrimSpace(tex))}
	text := r.until("")
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Join(strings.Fields(line), " ")
		for strings.Contains(line, " "+wide) || strings.Contains(line, wide+" ") || strings.Contains(line, wide+wide) {
			line = strings.NewReplacer(" "+wide, wide, wide+" ", wide, wide+wide, wide).Replace(line)
		}
		if line = strings.Trim(line, wide); line != "" {
			lines = append(lines, tidy.Replace(line))
		}
	}
	return lines
}

var tidy = strings.NewReplacer(wide+"=", " =", " )", ")", " ]", "]", " ,", ",", "( ", "(", wide, "   ")

// wide stands for a wide blank until lines are made.
const wide = "\uE000"

// A texReader reads TeX from its beginning to its end.
type texReader struct {
	src []rune
	i   int
}

// symbols of TeX and the character for each; what is set with blanks has them here.
var texSymbols = map[string]string{
	"Delta": "Δ", "rho": "ρ", "partial": "∂", "alpha": "α", "sigma": "σ", "varepsilon": "ε", "epsilon": "ε", "eta": "η", "mu": "μ", "beta": "β",
	"theta": "θ", "omega": "ω", "lambda": "λ", "delta": "δ", "pi": "π", "kappa": "κ", "varphi": "φ", "Phi": "Φ", "ell": "ℓ", "infty": "∞",
	"cdot": " · ", "times": " × ", "circ": " ∘ ", "ominus": " ⊖ ", "oplus": " ⊕ ", "sum": "Σ", "to": " → ", "leftarrow": " ← ", "longrightarrow": " → ",
	"Longrightarrow": " ⟹  ", "le": " ≤ ", "ge": " ≥ ", "lt": " < ", "gt": " > ", "ne": " ≠ ", "in": " ∈ ", "approx": " ≈ ", "cong": " ≅ ", "sim": " ~ ",
	"ll": " ≪ ", "gg": " ≫ ", "pm": " ± ", "mid": " | ", "bmod": " mod ", "ast": "*", "cdots": "…", "dots": "…", "vdots": "⋮", "ddots": "⋱", "ldots": "…", "prime": "′",
	"lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉",
	"log": " log ", "ln": " ln ", "exp": " exp ", "sin": " sin ", "cos": " cos ", "tanh": " tanh ", "max": "max", "min": "min",
	"thinspace": " ", "quad": wide, "qquad": wide, "cr": "\n", "left": "", "right": "", "limits": "", "Big": "", "Bigl": "", "Bigr": "", "displaystyle": "",
}

// peek is the next letter, 0 at the end.
func (r *texReader) peek() rune {
	if r.i < len(r.src) {
		return r.src[r.i]
	}
	return 0
}

// until reads up to a closing sign and over it, or to the end.
func (r *texReader) until(close string) string {
	var b strings.Builder
	for r.i < len(r.src) {
		if close != "" && r.has(close) {
			return b.String()
		}
		b.WriteString(r.item())
	}
	return b.String()
}

func (r *texReader) has(s string) bool {
	if strings.HasPrefix(string(r.src[r.i:min(len(r.src), r.i+len(s))]), s) {
		r.i += len([]rune(s))
		return true
	}
	return false
}

// item reads one letter, group or command, with what is set above or below it.
func (r *texReader) item() string {
	c := r.src[r.i]
	switch c {
	case '\\':
		return r.scripts(r.command())
	case '{':
		r.i++
		return r.scripts(r.until("}"))
	case '&':
		r.i++
		return wide
	case '~':
		r.i++
		return " "
	case '=', '+', '<', '>':
		r.i++
		return " " + string(c) + " "
	case '-':
		r.i++
		if r.binary() {
			return " - "
		}
		return "-"
	}
	r.i++
	if unicode.IsSpace(c) {
		return " "
	}
	return r.scripts(string(c))
}

// binary says whether the minus that was just read has an operand before it.
func (r *texReader) binary() bool {
	before := strings.TrimRight(string(r.src[:r.i-1]), " ")
	return before != "" && !textBefore.MatchString(before) && !strings.HasSuffix(before, "&") && !strings.HasSuffix(before, `\cr`) && !strings.HasSuffix(before, `\\`) && !strings.HasSuffix(before, "quad") && !strings.ContainsAny(before[len(before)-1:], "=(+-[{,<>/")
}

var textBefore = regexp.MustCompile(`\\text\{[^}]*\}$`)

// argument reads what a command is applied to.
func (r *texReader) argument() string {
	for r.i < len(r.src) && r.src[r.i] == ' ' {
		r.i++
	}
	if r.i >= len(r.src) {
		return ""
	}
	switch r.src[r.i] {
	case '{':
		r.i++
		return strings.TrimSpace(r.until("}"))
	case '\\':
		return strings.TrimSpace(r.command())
	}
	r.i++
	return string(r.src[r.i-1])
}

func (r *texReader) command() string {
	r.i++ // the backslash
	from := r.i
	for r.i < len(r.src) && unicode.IsLetter(r.src[r.i]) && r.src[r.i] < 128 {
		r.i++
	}
	name := string(r.src[from:r.i])
	if name == "" { // a sign
		r.i++
		switch s := string(r.src[from:r.i]); s {
		case "\\":
			return "\n"
		case ",", ";", ":", "!":
			return " "
		default:
			return s
		}
	}
	switch name {
	case "mathrm", "text", "mathbf", "mathbb", "mathop", "phantom", "mathcal", "underbrace", "mathit":
		a := r.argument()
		switch name {
		case "mathbb":
			return map[string]string{"R": "ℝ"}[a]
		case "text":
			if strings.HasPrefix(a, "(") {
				return " " + a
			}
			return " " + a + " "
		case "phantom":
			return ""
		case "mathrm":
			if a == "d" { // a differential
				return "d"
			}
			if r.i < len(r.src) && r.src[r.i] == '\\' && len(a) > 1 { // softmax ρ
				return a + " "
			}
		}
		return a
	case "frac", "tfrac", "dfrac":
		return atom(r.argument()) + "/" + atom(r.argument()) + " "
	case "sqrt":
		return "√" + atom(r.argument())
	case "bar":
		return above(r.argument(), "\u0304")
	case "hat":
		return above(r.argument(), "\u0302")
	case "tilde", "widetilde":
		return above(r.argument(), "\u0303")
	case "overline":
		return "conj(" + r.argument() + ")"
	case "underset": // a name below a brace
		name, a := r.argument(), r.argument()
		return a + " [" + name + "]"
	case "begin":
		return r.environment(r.argument())
	case "left", "right": // a point is no bracket
		if r.has(".") {
			return ""
		}
	}
	if name == "partial" || name == "lVert" || name == "lvert" { // what follows belongs to it
		for r.i < len(r.src) && r.src[r.i] == ' ' {
			r.i++
		}
	}
	if s, ok := texSymbols[name]; ok {
		return s
	}
	return `\` + name
}

// environment reads rows up to its end.
func (r *texReader) environment(name string) string {
	body := r.until(`\end{` + name + `}`)
	if name == "aligned" {
		return "\n" + body + "\n"
	}
	var rows []string
	for row := range strings.SplitSeq(body, "\n") {
		if row = strings.TrimSpace(row); row != "" {
			rows = append(rows, row)
		}
	}
	switch name {
	case "cases":
		for i, row := range rows {
			value, when, _ := strings.Cut(row, wide)
			rows[i] = value + " (" + strings.Join(strings.Fields(when), " ") + ")"
		}
		return strings.Join(rows, " or ")
	}
	for i, row := range rows {
		rows[i] = strings.Join(strings.Fields(strings.ReplaceAll(row, wide, " ")), " ")
	}
	return "[" + strings.Join(rows, "; ") + "]"
}

// atom puts parentheses around what is more than one name or number.
func atom(s string) string {
	if s = strings.TrimSpace(s); strings.ContainsAny(s, " +-·") && !(strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")")) {
		return "(" + s + ")"
	}
	return s
}

// above puts a mark above one letter, or ~ before more than that.
func above(a, mark string) string {
	rs := []rune(a)
	switch {
	case len(rs) == 0:
		return ""
	case mark == "\u0304" && a == "a":
		return "ā"
	case len(rs) == 1 || !strings.ContainsAny(a, " (∘") && strings.ContainsAny(string(rs[1]), "_₀₁₂₃₄₅₆₇₈₉ᵢ^"):
		return string(rs[0]) + mark + string(rs[1:])
	case mark == "\u0303":
		return "~" + atomic(a)
	}
	return string(rs[0]) + mark + string(rs[1:])
}

// atomic puts parentheses around what is not in some yet.
func atomic(a string) string {
	if strings.HasPrefix(a, "(") && strings.HasSuffix(a, ")") {
		return a
	}
	return "(" + a + ")"
}

var lower = map[rune]rune{'0': '₀', '1': '₁', '2': '₂', '3': '₃', '4': '₄', '5': '₅', '6': '₆', '7': '₇', '8': '₈', '9': '₉', '+': '₊', '-': '₋', 'i': 'ᵢ', 'n': 'ₙ', 't': 'ₜ', 'j': 'ⱼ', 's': 'ₛ'}

var upper = map[string]string{"t": "ᵗ", "2": "²", "3": "³", "-1": "⁻¹", "*": "*", "′": "′", "1": "¹", "T": "ᵀ", "h": "ʰ", "0": "⁰"}

// scripts reads what is set below and above s.
func (r *texReader) scripts(s string) string {
	sub, sup := "", ""
	for r.i < len(r.src) {
		switch r.src[r.i] {
		case '_':
			r.i++
			sub = r.script()
			continue
		case '^':
			r.i++
			sup += r.script()
			continue
		case '\'':
			r.i++
			sup += "′"
			continue
		}
		break
	}
	trail := ""
	if sub != "" || sup != "" {
		t := strings.TrimRight(s, " ")
		s, trail = t, s[len(t):]
	}
	s += lowered(sub)
	if up := raised(sup); up != "" {
		if strings.HasPrefix(up, "^") || !strings.Contains(s, " ") || strings.HasSuffix(s, ")") {
			s += up
		} else {
			s = "(" + s + ")" + up
		}
	}
	if sub != "" || sup != "" {
		if next := r.peek(); strings.HasPrefix(s, "Σ") || unicode.IsLetter(next) || unicode.IsDigit(next) || next == '\\' {
			s += " "
		}
	}
	return s + trail
}

// script reads the argument of _ or ^.
func (r *texReader) script() string {
	return strings.Join(strings.Fields(r.argument()), " ")
}

// lowered is a lower index: digits, i and signs are set lower, else it stands behind a line.
func lowered(sub string) string {
	if sub == "" {
		return ""
	}
	out := make([]rune, 0, len(sub))
	for _, c := range strings.ReplaceAll(sub, " ", "") {
		l, ok := lower[c]
		if !ok {
			if strings.ContainsAny(sub, " ,+-=/") {
				return "_{" + sub + "}"
			}
			return "_" + sub
		}
		out = append(out, l)
	}
	return string(out)
}

func raised(sup string) string {
	if sup == "" {
		return ""
	}
	if u, ok := upper[sup]; ok {
		return u
	}
	if strings.Trim(sup, "′") == "" {
		return sup
	}
	if t, ok := strings.CutSuffix(sup, "t"); ok && strings.Trim(t, "′ ") == "" {
		return t + "ᵗ"
	}
	if strings.ContainsAny(sup, " ,+=/·") && !strings.HasPrefix(sup, "(") {
		return "^(" + sup + ")"
	}
	return "^" + sup
}
