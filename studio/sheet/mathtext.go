package sheet

import (
	"encoding/xml"
	"strings"
)

// Plain writes a formula in MathML, as package studio typesets it, on one line of text:
// Δᵢ₋₁, Δ_raw, (a + b)/c, ~(A ⊖ B) for a wide tilde.
func Plain(mathML string) string {
	d := xml.NewDecoder(strings.NewReader(mathML))
	d.Strict = false
	root := &mathNode{}
	open := []*mathNode{root}
	for {
		token, err := d.Token()
		if err != nil {
			return strings.Join(strings.Fields(root.row()), " ")
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			n := &mathNode{name: t.Name.Local}
			for _, a := range t.Attr {
				if a.Name.Local == "class" && a.Value == "wide-tilde" {
					n.tilde = true
				}
				if a.Name.Local == "lspace" && a.Value == "0" {
					n.tight = true
				}
			}
			top.kids, open = append(top.kids, n), append(open, n)
		case xml.EndElement:
			if len(open) > 1 {
				open = open[:len(open)-1]
			}
		case xml.CharData:
			top.text += string(t)
		}
	}
}

// A mathNode is an element of MathML.
type mathNode struct {
	name, text   string
	tilde, tight bool
	kids         []*mathNode
}

// spaced are the operators that stand between blanks.
const spaced = "=+−⋅·×∘⊙⊖→≤≥<>≠∈≈∑"

func (n *mathNode) row() string {
	var b strings.Builder
	for i, k := range n.kids {
		s := k.String()
		switch {
		case s == "":
			continue
		case k.name == "mo" && s == "−" && (i == 0 || opens(n.kids[i-1])):
			// a sign, not an operation
		case k.name == "mo" && !k.tight && strings.Contains(spaced, s):
			s = " " + s + " "
		case i > 0 && k.letter() && n.kids[i-1].letter() && n.kids[i-1].text != "∂":
			s = " " + s
		case s == ",":
			s = ", "
		}
		b.WriteString(s)
	}
	return b.String()
}

// opens says whether after n a minus is a sign.
func opens(n *mathNode) bool {
	return n.name == "mo" && strings.ContainsAny(strings.TrimSpace(n.text), "=([,+−⋅·")
}

// letter says whether n is a symbol, which stands apart from the next one.
func (n *mathNode) letter() bool {
	switch n.name {
	case "mi", "msub", "msup", "msubsup", "mover", "munder", "mfrac", "msqrt", "mtext":
		return true
	case "mrow":
		return len(n.kids) > 0 && n.kids[0].letter() && n.kids[len(n.kids)-1].letter()
	}
	return false
}

func (n *mathNode) kid(i int) string {
	if i < len(n.kids) {
		return n.kids[i].String()
	}
	return ""
}

func (n *mathNode) String() string {
	switch n.name {
	case "mi", "mn", "mo", "mtext", "ms":
		return strings.TrimSpace(n.text)
	case "mspace":
		return " "
	case "msub", "munder":
		return n.kid(0) + lowered(n.kid(1))
	case "msup":
		return n.kid(0) + raised(n.kid(1))
	case "mover":
		if o := n.kid(1); o == "¯" || o == "‾" || o == "―" {
			return n.kid(0) + "\u0304"
		} else if o == "~" || o == "˜" {
			return "~" + bracketed(n.kid(0))
		}
		return n.kid(0) + raised(n.kid(1))
	case "msubsup", "munderover":
		return n.kid(0) + lowered(n.kid(1)) + raised(n.kid(2))
	case "mfrac":
		return bracketed(n.kid(0)) + "/" + bracketed(n.kid(1))
	case "msqrt":
		return "√" + bracketed(n.row())
	case "mtr":
		var cells []string
		for _, k := range n.kids {
			cells = append(cells, k.String())
		}
		return strings.Join(cells, " ")
	case "mtable":
		var rows []string
		for _, k := range n.kids {
			rows = append(rows, strings.TrimSpace(k.String()))
		}
		return strings.Join(rows, "; ")
	}
	s := n.row()
	if n.tilde {
		return "~" + bracketed(strings.TrimSpace(s))
	}
	return s
}

// bracketed puts brackets around more than one thing, unless it has them.
func bracketed(s string) string {
	if enclosed(strings.TrimSpace(s)) {
		return strings.TrimSpace(s)
	}
	if strings.ContainsAny(strings.TrimSpace(s), " =+⊖/") {
		return "(" + strings.TrimSpace(s) + ")"
	}
	return s
}

// enclosed says whether one pair of brackets is around all of s.
func enclosed(s string) bool {
	depth := 0
	for i, r := range s {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return i > 0 && i == len(s)-1
		}
	}
	return false
}

const (
	plainScript   = "0123456789+−-i()t hn"
	raisedScript  = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁱ⁽⁾ᵗ ʰⁿ"
	loweredScript = "₀₁₂₃₄₅₆₇₈₉₊₋₋ᵢ₍₎ₜ ₕₙ"
)

// raised is s as a superscript: in small letters where there are all of them, else behind ^.
func raised(s string) string {
	if s == "′" || s == "" {
		return s
	}
	return script(s, raisedScript, "^")
}

func lowered(s string) string {
	if s == "" {
		return s
	}
	return script(s, loweredScript, "_")
}

func script(s, small, sign string) string {
	from, to := []rune(plainScript), []rune(small)
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, " ", "") {
		at := -1
		for i, f := range from {
			if f == r {
				at = i
			}
		}
		if at < 0 {
			if len([]rune(s)) > 1 && strings.ContainsAny(s, "+−=<≤(/,") {
				return sign + "{" + s + "}"
			}
			return sign + strings.ReplaceAll(s, " ", "")
		}
		b.WriteRune(to[at])
	}
	return b.String()
}
