package lesson

import (
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for typed, want := range map[string]string{
		"25": "25", "(25)": "25", "eq. 25": "25", "Eq(31.A)": "31.a", "l3": "L3", "R13": "R13", "r13": "R13", "m2": "M2", "s1": "S1", "c3": "C3", "n6": "N6", "y5": "Y5", "x2": "X2", "b7": "B7",
		"t2": "T2", "table 2": "T2", "Tables 1-3": "T1 T2 T3", "dora": "DoRA", "T": "T",
		"31": "31.a 31.b", "5.a-d": "5.a 5.b 5.c 5.d", "30-32": "30.a 30.b 31.a 31.b 32.a 32.b", "L1-L3, L5": "L1 L2 L3 L5", "3+T3": "3 T3", "36-38": "36 37 38", "(53), (54)": "53 54",
		"case tied": "tied", "exercise softmax": "softmax", "erratum s1": "S1", "identity r1": "R1", "mutant m1": "M1", "equation 3": "3",
		"nothing of that name": "", "": "", "()": "", "56": "", "R31": "",
	} {
		var have []string
		for _, e := range Find(typed) {
			have = append(have, e.Code)
		}
		if strings.Join(have, " ") != want {
			t.Errorf("%q is %v, want %s", typed, have, want)
		}
	}
	for typed, among := range map[string][]string{
		"softmax": {"15", "25", "54", "R15", "M2", "S1", "softmax"}, "attention": {"10", "25", "33"}, "layernorm": {"36", "40", "layernorm"}, "layer norm": {"36", "40"},
		"lora": {"43", "46", "R25", "S2", "lora"}, "rmsnorm": {"L1", "L3", "rmsnorm"}, "rotary": {"L8", "L9", "rotary"}, "RoPE": {"L8"}, "swiglu": {"L14", "swiglu"}, "gqa": {"L17", "L18.b"},
		"mask": {"13", "27", "R17", "S1"}, "embedding": {"2", "3"}, "kv cache": {"KV.a", "KV.b"}, "w_q": {"31.a", "w_q"}, "residual": {"skip"}, "paper": {"paper"}, "identities": {"R1", "Y18"}, "chapter 5": {"40", "X3"},
		"cases": {"paper", "yarn"}, "dropout": {"dropout"}, "qwen2": {"qwen2"}, "bias": {"24", "29", "b_v"}, "keys": {"9.b"}, "softma": {"25"}, "bf16": {"B1"}, "D_causal": {"25", "R16", "d_causal"}, "Δ^causal": {"25", "R16"}, "Δ_causal": {"25"},
	} {
		var have []string
		for _, e := range Find(typed) {
			have = append(have, e.Code)
		}
		for _, a := range among {
			if !slices.Contains(have, a) {
				t.Errorf("%q is %v, without %s", typed, have, a)
			}
		}
	}
}

// TestCodesAreFound: everything is found by its code, in any case of letters, and by its kind
// and code alone.
func TestCodesAreFound(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Entries() {
		for _, typed := range []string{strings.ToUpper(string(e.Kind) + " " + e.Code), strings.ToLower(string(e.Kind) + " " + e.Code)} {
			if found := Find(typed); len(found) != 1 || found[0].Code != e.Code {
				t.Errorf("%q is %v", typed, found)
			}
		}
		if key := string(e.Kind) + strings.ToLower(e.Code); seen[key] {
			t.Errorf("two are called %s %s", e.Kind, e.Code)
		} else {
			seen[key] = true
		}
		found := Find(strings.ToUpper(e.Code))
		if !slices.ContainsFunc(found, func(f Entry) bool { return strings.EqualFold(f.Code, e.Code) }) {
			t.Errorf("%q is %v", strings.ToUpper(e.Code), found)
		}
		if code := e.Kind != Case && e.Kind != Exercise; code && len(found) != 1 {
			t.Errorf("the code %s names %d things", e.Code, len(found))
		}
	}
	for _, code := range []string{"1", "55.b", "L25", "R30", "X13", "Y18", "M48", "B31", "S10", "C8", "N16", "T"} {
		if len(Find(code)) != 1 {
			t.Errorf("%s is %v", code, Find(code))
		}
	}
}

func TestNearest(t *testing.T) {
	for typed, want := range map[string]string{"softmx": "softmax", "atention": "attention", "layrnorm": "layernorm", "L33": "L3", "rotery": "rotary", "zzz": "", "": ""} {
		if have := Nearest(typed); have != want {
			t.Errorf("near %q is %q, want %q", typed, have, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for k, want := range map[Kind]string{Identity: "R1 to R30, X1 to X13, Y1 to Y18", Bug: "M1 to M48, B1 to B31", Erratum: "S1 to S10, C1 to C8, N1 to N16, T"} {
		if have := Span(k); have != want {
			t.Errorf("%s: %s, want %s", k, have, want)
		}
	}
}
