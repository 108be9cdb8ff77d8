package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

var (
	fence       = regexp.MustCompile("(?ms)^```.*?^```$")
	codeSpan    = regexp.MustCompile("`[^`\n]*`")
	displayMath = regexp.MustCompile(`(?s)\$\$(.*?)\$\$`)
	inlineMath  = regexp.MustCompile(`\$([^$\n]+)\$`)
)

// split separates a page into its prose and its formulas; code goes to neither.
func split(text string) (prose string, formulas []string) {
	text = codeSpan.ReplaceAllString(fence.ReplaceAllString(text, ""), "`code`")
	for _, m := range displayMath.FindAllStringSubmatch(text, -1) {
		formulas = append(formulas, m[1])
	}
	text = displayMath.ReplaceAllString(text, "§")
	for _, m := range inlineMath.FindAllStringSubmatch(text, -1) {
		formulas = append(formulas, m[1])
	}
	return inlineMath.ReplaceAllString(text, "§"), formulas
}

// TestFormulasSurviveMarkdown keeps formulas to what GitHub renders whether it
// looks for formulas before Markdown or after: no backslash before punctuation
// (Markdown would eat it; rows end in \cr), underscores only after a letter or a
// digit (else Markdown may take them for emphasis), nothing that looks like a
// link, a tag, an entity or a table's bar, and no macro that GitHub refuses.
func TestFormulasSurviveMarkdown(t *testing.T) {
	refused := []struct {
		what string
		re   *regexp.Regexp
	}{
		{"a backslash before punctuation", regexp.MustCompile(`\\[^A-Za-z]`)},
		{"an underscore after punctuation", regexp.MustCompile(`(^|[^A-Za-z0-9])_`)},
		{"a Markdown link", regexp.MustCompile(`\]\(`)},
		{"a character that Markdown or HTML claims", regexp.MustCompile("[*<>|~`#]")},
		{"a macro that GitHub refuses", regexp.MustCompile(`\\(operatorname|newcommand|renewcommand|def|require|href|class|style|bbox|tag|label|cssId|unicode|includegraphics|url)\b`)},
		{"a letter that fonts of formulas lack", regexp.MustCompile(`[^\x00-\x7f]`)},
	}
	for path, text := range chapters(t) {
		prose, formulas := split(text)
		if i := strings.Index(prose, "$"); i >= 0 {
			t.Errorf("%s: an unpaired dollar near %q", path, prose[max(0, i-40):min(len(prose), i+40)])
		}
		for _, f := range formulas {
			for _, r := range refused {
				if m := r.re.FindString(f); m != "" {
					t.Errorf("%s: %s (%q) in $%s$", path, r.what, m, f)
				}
			}
			if strings.Count(f, "{") != strings.Count(f, "}") {
				t.Errorf("%s: braces do not match in $%s$", path, f)
			}
			if l, r := len(leftDelim.FindAllString(f, -1)), len(rightDelim.FindAllString(f, -1)); l != r {
				t.Errorf("%s: %d \\left and %d \\right in $%s$", path, l, r, f)
			}
			if strings.Count(f, `\begin{`) != strings.Count(f, `\end{`) {
				t.Errorf("%s: \\begin without \\end in $%s$", path, f)
			}
		}
		// A formula in a line must not touch a letter or a digit behind it, nor
		// begin or end with a space, or it is not taken for one.
		plain := displayMath.ReplaceAllString(codeSpan.ReplaceAllString(fence.ReplaceAllString(text, ""), ""), "")
		for _, m := range inlineMath.FindAllStringIndex(plain, -1) {
			f := plain[m[0]:m[1]]
			if strings.HasPrefix(f, "$ ") || strings.HasSuffix(f, " $") {
				t.Errorf("%s: a space inside the dollars of %s", path, f)
			}
			if m[1] < len(plain) && regexp.MustCompile(`^[A-Za-z0-9_]`).MatchString(plain[m[1]:]) {
				t.Errorf("%s: a letter right behind %s", path, f)
			}
			if m[0] > 0 && regexp.MustCompile(`[A-Za-z0-9_]$`).MatchString(plain[:m[0]]) {
				t.Errorf("%s: a letter right before %s", path, f)
			}
		}
	}
}

var leftDelim, rightDelim = regexp.MustCompile(`\\left[^a-z]`), regexp.MustCompile(`\\right[^a-z]`)
