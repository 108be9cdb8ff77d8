package kernel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// The kernels on slices, for n numbers.
var sliceEdges = map[string]func(e *edges, n int){
	"Add":     func(e *edges, n int) { Add(e.slice(n), e.slice(n)) },
	"AddRows": func(e *edges, n int) { AddRows(e.slice(n), e.mat(3, n, n%3)) },
	"addTo":   func(e *edges, n int) { addTo(e.slice(n), e.slice(n), e.slice(n)) },
	"AdamW": func(e *edges, n int) {
		AdamW(e.slice(n), e.slice(n), e.slice(n), e.slice(n), &AdamWStep[float32]{Eps: 1})
	},
	"Affine": func(e *edges, n int) {
		y := e.slice(n)
		Affine(y, e.slice(n), e.slice(n), e.slice(n))
		Affine(y, y, y, nil)
	},
	"Axpy":             func(e *edges, n int) { Axpy(e.slice(n), 2, e.slice(n)) },
	"CrossEntropy":     func(e *edges, n int) { CrossEntropy(e.slice(n), n-1, 1) },
	"Dot":              func(e *edges, n int) { Dot(e.slice(n), e.slice(n)) },
	"expSlice":         func(e *edges, n int) { expSlice(e.slice(n)) },
	"ExpSum":           func(e *edges, n int) { ExpSum(e.slice(n), 1, 2) },
	"Extent":           func(e *edges, n int) { Extent(e.slice(n)) },
	"GELU":             func(e *edges, n int) { GELU(e.slice(n), e.slice(n)) },
	"GELUBackward":     func(e *edges, n int) { GELUBackward(e.slice(n), e.slice(n), e.slice(n), e.slice(n)) },
	"GELUTanh":         func(e *edges, n int) { GELUTanh(e.slice(n), e.slice(n)) },
	"GELUTanhBackward": func(e *edges, n int) { GELUTanhBackward(e.slice(n), e.slice(n), e.slice(n), e.slice(n)) },
	"HugePages":        func(e *edges, n int) { HugePages(e.slice(n)) },
	"LayerNorm":        func(e *edges, n int) { LayerNorm(e.slice(n), e.slice(n), e.slice(n), e.slice(n), e.slice(n), 1e-5) },
	"LayerNormBackward": func(e *edges, n int) {
		LayerNormBackward(e.slice(n), e.slice(n), e.slice(n), e.slice(n), e.slice(n), e.slice(n), 1)
	},
	"logSumExp":         func(e *edges, n int) { logSumExp(e.slice(n)) },
	"MaskRow":           func(e *edges, n int) { MaskRow(e.slice(n), e.slice(n), NewMask(0.5, 1), 3) },
	"MaskRowAdd":        func(e *edges, n int) { MaskRowAdd(e.slice(n), e.slice(n), NewMask(0.5, 1), 3) },
	"Max":               func(e *edges, n int) { Max(e.slice(n)) },
	"MulAdd":            func(e *edges, n int) { MulAdd(e.slice(n), e.slice(n), e.slice(n)) },
	"NegLogProb":        func(e *edges, n int) { NegLogProb(e.slice(n), n-1) },
	"Normalize":         func(e *edges, n int) { Normalize(e.slice(n), e.slice(n), 1e-5) },
	"NormalizeBackward": func(e *edges, n int) { NormalizeBackward(e.slice(n), e.slice(n), e.slice(n), e.slice(n), 1) },
	"ReLU":              func(e *edges, n int) { ReLU(e.slice(n), e.slice(n)) },
	"ReLUBackward":      func(e *edges, n int) { ReLUBackward(e.slice(n), e.slice(n), e.slice(n), e.slice(n)) },
	"RMSNorm":           func(e *edges, n int) { RMSNorm(e.slice(n), e.slice(n), e.slice(n), e.slice(n), 1e-5) },
	"RMSNormBackward": func(e *edges, n int) {
		RMSNormBackward(e.slice(n), e.slice(n), e.slice(n), e.slice(n), e.slice(n), 1)
	},
	"RMSNormBackwardInPlace": func(e *edges, n int) {
		RMSNormBackwardInPlace(e.slice(n), e.slice(n), e.slice(n), e.slice(n), 1)
	},
	"Rotate":          func(e *edges, n int) { Rotate(e.slice(2*n), e.slice(n), e.slice(n)) },
	"RotateBack":      func(e *edges, n int) { RotateBack(e.slice(2*n), e.slice(n), e.slice(n)) },
	"SiLU":            func(e *edges, n int) { SiLU(e.slice(n), e.slice(n)) },
	"SiLUBackward":    func(e *edges, n int) { SiLUBackward(e.slice(n), e.slice(n), e.slice(n), e.slice(n)) },
	"RoundBF16":       func(e *edges, n int) { RoundBF16(lend[BF16](e, n), e.slice(n)) },
	"SplitBF16":       func(e *edges, n int) { SplitBF16(lend[BF16](e, n), e.slice(n), 2) },
	"Scale":           func(e *edges, n int) { Scale(e.slice(n), 2) },
	"ScaleLarge":      func(e *edges, n int) { ScaleLarge(e.slice(n), 2, 1<<25) },
	"Softmax":         func(e *edges, n int) { Softmax(e.slice(n), 1) },
	"SoftmaxBackward": func(e *edges, n int) { SoftmaxBackward(e.slice(n), e.slice(n), 1, 1) },
	"sumOf":           func(e *edges, n int) { sumOf(e.slice(n)) },
	"sumExp":          func(e *edges, n int) { sumExp(e.slice(n), 1, 2) },
	"SumSquares":      func(e *edges, n int) { SumSquares(e.slice(n)) },
	"widenBF16":       func(e *edges, n int) { widenBF16(e.slice(n), lend[BF16](e, n)) },
}

// The kernels on matrices: c is m×n, x what rows are longer than they need to be.
var matEdges = map[string]func(e *edges, m, n, k, x int){
	"MulNN": func(e *edges, m, n, k, x int) {
		MulNN(nil, e.mat(m, n, x), e.mat(m, k, x), e.mat(k, n, x), e.slice(n), k%2 == 0)
	},
	"MulNT": func(e *edges, m, n, k, x int) { MulNT(nil, e.mat(m, n, x), e.mat(m, k, x), e.mat(n, k, x), k%2 == 0) },
	"MulTN": func(e *edges, m, n, k, x int) { MulTN(nil, e.mat(m, n, x), e.mat(k, m, x), e.mat(k, n, x), k%2 == 0) },
	"mulNNBF16": func(e *edges, m, n, k, x int) {
		mulNNBF16(nil, e.mat(m, n, x), e.bf16(m, k, x), e.bf16(k, n, x), e.slice(n), k%2 == 0)
	},
	"mulNTBF16": func(e *edges, m, n, k, x int) {
		mulNTBF16(nil, e.mat(m, n, x), e.bf16(m, k, x), e.bf16(n, k, x), k%2 == 0)
	},
	"MulTNBF16": func(e *edges, m, n, k, x int) {
		MulTNBF16(nil, e.mat(m, n, x), e.bf16(k, m, x), e.bf16(k, n, x), k%2 == 0)
	},
	"Transpose": func(e *edges, m, n, k, x int) { Transpose(e.mat(k, m, x), e.mat(m, k, x)) },
	"MulPacked": func(e *edges, m, n, k, x int) {
		MulPacked(nil, e.mat(m, n, x), e.bf16(m, k, x), edgePacked(e, k, n, x, true), e.slice(n), k%2 == 0)
	},
	"MulPackedT": func(e *edges, m, n, k, x int) {
		MulPackedT(nil, e.mat(m, n, x), e.bf16(m, k, x), edgePacked(e, n, k, x, false), k%2 == 0)
	},
	"MulWeight": func(e *edges, m, n, k, x int) {
		MulWeight(nil, e.mat(m, n, x), e.mat(m, k, x), e.narrow(k, n, x), e.slice(n), k%2 == 0)
	},
	"MulWeightT": func(e *edges, m, n, k, x int) {
		MulWeightT(nil, e.mat(m, n, x), e.mat(m, k, x), e.narrow(n, k, x), k%2 == 0)
	},
	"MulTWeight": func(e *edges, m, n, k, x int) {
		MulTWeight(nil, e.mat(m, n, x), e.mat(k, m, x), e.narrow(k, n, x), k%2 == 0)
	},
	"WeightMulT": func(e *edges, m, n, k, x int) {
		WeightMulT(nil, e.mat(m, n, x), e.narrow(m, k, x), e.mat(n, k, x), k%2 == 0)
	},
	"MulWeight, blocks": func(e *edges, m, n, k, x int) {
		MulWeight(nil, e.mat(m, n, x), e.mat(m, k, x), e.blocks(k, n, x == 1), e.slice(n), k%2 == 0)
	},
	"MulWeightT, blocks": func(e *edges, m, n, k, x int) {
		MulWeightT(nil, e.mat(m, n, x), e.mat(m, k, x), e.blocks(n, k, x != 1), k%2 == 0)
	},
	"WeightMulT, blocks": func(e *edges, m, n, k, x int) {
		WeightMulT(nil, e.mat(m, n, x), e.blocks(m, k, x == 1), e.mat(n, k, x), k%2 == 0)
	},
}

// edgePacked packs a matrix between edges, and places what it packed there, too.
func edgePacked(e *edges, rows, cols, x int, nn bool) *PackedBF16 {
	w := NewPackedBF16(rows, cols, nn, !nn)
	for _, v := range []*[]BF16{&w.nn, &w.nt} {
		if *v != nil {
			*v = lend[BF16](e, len(*v))
		}
	}
	w.Pack(nil, Weight[float32]{Mat: e.mat(rows, cols, x)})
	return w
}

// Every exported function that takes slices or matrices is in the tables.
func TestEdgesAreComplete(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			tried := sliceEdges[f.Name.Name] != nil || matEdges[f.Name.Name] != nil
			if !tried && !f.Name.IsExported() {
				continue
			}
			for _, p := range f.Type.Params.List {
				if s := types.ExprString(p.Type); strings.Contains(s, "[]") || strings.Contains(s, "Mat") {
					found++
					if !tried {
						t.Errorf("%s: %s is not tried at the edges of memory", path, f.Name)
					}
					break
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d functions found", found)
	}
}
