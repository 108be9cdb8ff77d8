package hub

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

// ggufActivation is a key of ours: llama.cpp's gpt2 computes the tanh form whatever a
// file says, and a network that was trained with another comes back as it was.
const ggufActivation = "pedestrian.activation"

// IsGGUF says whether the file at path begins as one of GGUF.
func IsGGUF(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var b [4]byte
	_, err = io.ReadFull(f, b[:])
	return err == nil && string(b[:]) == "GGUF"
}

// A GGUF is a model in a file for llama.cpp whose header was read, and of its numbers
// at most those that say whether the logits are tied.
type GGUF struct {
	Path      string
	Network   pedestrian.Config
	Tokenizer *token.Tokenizer
	EOS, BOS  []int32
	Name      string
	Notes     []string          // sentences on what was read otherwise than it stands there
	Ours      map[string]string // our names of its tensors

	file  *os.File
	info  os.FileInfo // when it was opened
	in    *gguf.File
	bound []bound
}

// A bound tensor of a file is a parameter: rows×cols in the file, cols×rows in t if it
// is transposed.
type bound struct {
	in         gguf.Tensor
	t          string // our name
	rows, cols int
	transposed bool
}

// OpenGGUF reads the header of a network in GGUF: of GPT-2's architecture, as
// [SaveGGUF] writes it and as llama.cpp's converter does. Close it after use.
func OpenGGUF(path string) (*GGUF, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	defer root.Close()
	file, err := openRegular(root, filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	g := &GGUF{Path: path, file: file, Ours: map[string]string{}}
	if g.info, err = file.Stat(); err == nil {
		err = g.read(file, g.info.Size())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return g, nil
}

// read reads the header of size bytes, and what a model has to say.
func (g *GGUF) read(r io.ReaderAt, size int64) (err error) {
	if g.in, err = gguf.Read(r, size); err == nil {
		err = g.network()
	}
	if err == nil {
		err = g.bind()
	}
	if err == nil {
		err = g.tokens()
	}
	return err
}

// Close closes the file.
func (g *GGUF) Close() error { return g.file.Close() }

// LoadGGUF reads a network in GGUF.
func LoadGGUF(path string, o LoadOptions) (*Model[float32], error) {
	g, err := OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	if err := room[float32](path, g.Network); err != nil {
		return nil, err
	}
	p, err := g.numbers(o)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return &Model[float32]{Params: p, Tokenizer: g.Tokenizer, EOS: g.EOS, BOS: g.BOS, Name: g.Name, Notes: g.Notes}, nil
}

// text is a value that is a text, "" where the key is absent.
func (g *GGUF) text(key string) (string, error) {
	v, ok := g.in.Lookup(key)
	s, is := v.(string)
	if ok && !is {
		return "", fmt.Errorf("%s is %v: it must be a text", key, v)
	}
	return s, nil
}

// whole is a value that is a whole number; fallback where the key is absent.
func (g *GGUF) whole(key string, fallback int64) (int64, error) {
	v, ok := g.in.Lookup(key)
	if !ok && fallback >= 0 {
		return fallback, nil
	}
	n := int64(-1)
	switch v := v.(type) {
	case uint8:
		n = int64(v)
	case uint16:
		n = int64(v)
	case uint32:
		n = int64(v)
	case uint64:
		n = int64(min(v, math.MaxInt64))
	case int8:
		n = int64(v)
	case int16:
		n = int64(v)
	case int32:
		n = int64(v)
	case int64:
		n = v
	}
	switch {
	case !ok:
		return 0, fmt.Errorf("%s is missing", key)
	case n < 0 || n > math.MaxInt32:
		return 0, fmt.Errorf("%s is %.40s: it must be a whole number from 0 to %d", key, fmt.Sprint(v), math.MaxInt32)
	}
	return n, nil
}

// network reads the sizes.
func (g *GGUF) network() error {
	for _, f := range []struct{ key, want string }{{"general.type", "model"}, {"general.architecture", ggufArch}} {
		is, err := g.text(f.key)
		switch {
		case err != nil:
			return err
		case is == "adapter":
			return fmt.Errorf("it is an adapter, not a network: give that of PEFT, or the run")
		case is != f.want && !(is == "" && f.key == "general.type"):
			return fmt.Errorf("%s is %.40q: only %q is read", f.key, is, f.want)
		}
	}
	var err error
	if g.Name, err = g.text("general.name"); err != nil {
		return err
	}
	n := &g.Network
	n.Bias, n.Activation = true, pedestrian.GELUTanh
	if own, err := g.text(ggufActivation); err != nil {
		return err
	} else if own != "" {
		n.Activation = pedestrian.Activation(own)
	}
	for _, f := range []struct {
		key string
		to  *int
	}{
		{"context_length", &n.Context}, {"embedding_length", &n.Width}, {"block_count", &n.Blocks}, {"feed_forward_length", &n.Hidden}, {"attention.head_count", &n.Heads},
	} {
		v, err := g.whole(ggufArch+"."+f.key, -1)
		if err != nil {
			return err
		}
		*f.to = int(v)
	}
	if n.Hidden == 4*n.Width {
		n.Hidden = 0
	}
	const eps = ggufArch + ".attention.layer_norm_epsilon"
	switch v, _ := g.in.Lookup(eps); v := v.(type) {
	case float32:
		n.Eps, _ = strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64) // 1e-05, not its float32 in more digits
	case float64:
		n.Eps = v
	default:
		return fmt.Errorf("%s is %v: it must be a number", eps, v)
	}
	for _, key := range []string{"attention.key_length", "attention.value_length"} {
		if v, err := g.whole(ggufArch+"."+key, 0); err != nil || v != 0 && n.Heads > 0 && int(v)*n.Heads != n.Width {
			return fmt.Errorf("%s.%s is %d, and %d heads have a width of %d: heads of other sizes are not read", ggufArch, key, v, n.Heads, n.Width)
		}
	}
	t, ok := g.in.Tensor("token_embd.weight")
	if !ok || len(t.Dims) != 2 || t.Dims[1] == 0 || t.Dims[1] > math.MaxInt32 {
		return fmt.Errorf("the tensor token_embd.weight, a row a token, is missing or of another shape")
	}
	n.Vocab, n.Tied = int(t.Dims[1]), true
	if n.Tied, err = g.tied(t); err != nil {
		return err
	}
	return n.Validate()
}

// tied says whether the matrix of the logits is absent or the token embedding again,
// as converters of former times wrote it.
func (g *GGUF) tied(embedding gguf.Tensor) (bool, error) {
	head, ok := g.in.Tensor("output.weight")
	if !ok {
		return true, nil
	}
	if !slices.Equal(head.Dims, embedding.Dims) {
		return false, nil // bind says what is wrong
	}
	width := int64(embedding.Dims[0])
	rows := max(1, (1<<18)/max(1, width))
	for at, end := int64(0), embedding.Elements(); at < end; {
		n := min(rows*width, end-at)
		a, b := make([]float32, n), make([]float32, n)
		if err := g.in.DecodeAt(a, embedding, at); err != nil {
			return false, err
		}
		if err := g.in.DecodeAt(b, head, at); err != nil {
			return false, err
		}
		if !slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
			return false, nil
		}
		at += n
	}
	return true, nil
}

// bind finds the tensor of each parameter.
func (g *GGUF) bind() error {
	n := g.Network
	if n.Blocks > len(g.in.Tensors) {
		return fmt.Errorf("%s.block_count is %d, and there are %d tensors in all", ggufArch, n.Blocks, len(g.in.Tensors))
	}
	byName := make(map[string]gguf.Tensor, len(g.in.Tensors))
	for _, t := range g.in.Tensors {
		byName[t.Name] = t
	}
	take := func(name, ours string, transposed bool, rows, cols int) error {
		t, ok := byName[name]
		delete(byName, name)
		want := []uint64{uint64(cols), uint64(rows)}
		if rows == 0 {
			want = want[:1]
		}
		for ok && len(t.Dims) > len(want) && t.Dims[len(t.Dims)-1] == 1 { // as some writers pad shapes
			t.Dims = t.Dims[:len(t.Dims)-1]
		}
		switch {
		case !ok:
			return fmt.Errorf("tensor %s is missing", name)
		case !slices.Equal(t.Dims, want):
			return fmt.Errorf("tensor %s is %v, the innermost first, and %v by the sizes of the network", name, t.Dims, want)
		case !slices.Contains([]gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0}, t.Type):
			return fmt.Errorf("tensor %s is of type %s: F32, F16, BF16 and Q8_0 are read: convert the model again with one of these", name, t.Type)
		}
		g.Ours[name] = ours
		g.bound = append(g.bound, bound{t, ours, max(rows, 1), cols, transposed})
		return nil
	}
	var err error
	must := func(name, ours string, transposed bool, rows, cols int) {
		if err == nil {
			err = take(name, ours, transposed, rows, cols)
		}
	}
	d := n.Width
	must("token_embd.weight", "tok.w", false, n.Vocab, d)
	must("position_embd.weight", "pos.w", false, n.Context, d)
	for i := range n.Blocks {
		for _, l := range []struct {
			ours    string
			in, out int
		}{{"ln1", 0, d}, {"qkv", d, n.QKVDim()}, {"attProj", d, d}, {"ln2", 0, d}, {"expand", d, n.HiddenDim()}, {"contract", n.HiddenDim(), d}} {
			name, ours := fmt.Sprintf("blk.%d.%s", i, ggufBlock[l.ours]), fmt.Sprintf("block.%d.%s", i, l.ours)
			if l.in == 0 {
				must(name+".weight", ours+".w", false, 0, l.out)
			} else {
				must(name+".weight", ours+".w", true, l.out, l.in)
			}
			must(name+".bias", ours+".b", false, 0, l.out)
		}
	}
	must("output_norm.weight", "lnFinal.w", false, 0, d)
	must("output_norm.bias", "lnFinal.b", false, 0, d)
	if _, ok := byName["output.weight"]; ok && n.Tied {
		g.Ours["output.weight"] = "tok.w"
		delete(byName, "output.weight")
	} else if !n.Tied {
		must("output.weight", "logits.w", true, n.Vocab, d)
	}
	if err != nil {
		return err
	}
	for _, t := range g.in.Tensors { // the first that is left
		if _, left := byName[t.Name]; left {
			return fmt.Errorf("tensor %.80q is not of a GPT-2 with %d blocks", t.Name, n.Blocks)
		}
	}
	return nil
}

// numbers reads the parameters.
func (g *GGUF) numbers(o LoadOptions) (*pedestrian.Params[float32], error) {
	if err := room[float32](g.Path, g.Network); err != nil {
		return nil, err
	}
	p := pedestrian.NewParams[float32](g.Network)
	to := map[string]pedestrian.Tensor[float32]{}
	for _, t := range p.Tensors() {
		to[t.Name] = t
	}
	var buf []float32
	for _, b := range g.bound {
		t := to[b.t]
		if len(t.V) != b.rows*b.cols {
			panic(fmt.Sprintf("hub: %s has room for %d numbers, and the file %d×%d", b.t, len(t.V), b.rows, b.cols))
		}
		for row := 0; row < b.rows; row += rowsAtOnce {
			n := min(rowsAtOnce, b.rows-row)
			part := t.V[row*b.cols:][:n*b.cols]
			if b.transposed {
				buf = slices.Grow(buf[:0], n*b.cols)[:n*b.cols]
				part = buf
			}
			if err := g.in.DecodeAt(part, b.in, int64(row)*int64(b.cols)); err != nil {
				return nil, err
			}
			for i, v := range part {
				if v-v != 0 && !o.AllowNonfinite {
					return nil, fmt.Errorf("tensor %s holds %g: the model is broken", b.in.Name, v)
				}
				if b.transposed {
					t.V[i%b.cols*b.rows+row+i/b.cols] = v
				}
			}
		}
	}
	now, err := g.file.Stat()
	if err == nil && (now.Size() != g.info.Size() || !now.ModTime().Equal(g.info.ModTime())) {
		err = fmt.Errorf("it was changed while it was read: try again when it is written")
	}
	return p, err
}

// tokens reads the tokenizer, the tokens that begin and end texts, and the template of
// chats. A tokenizer of another kind than GPT-2's is left out, which a note tells.
func (g *GGUF) tokens() error {
	const at = "tokenizer.ggml."
	kind, err := g.text(at + "model")
	if err != nil {
		return err
	}
	pre, err := g.text(at + "pre")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		key string
		to  *[]int32
	}{{"eos_token_id", &g.EOS}, {"bos_token_id", &g.BOS}, {"eot_token_id", &g.EOS}} {
		if err := g.token(at+f.key, f.to); err != nil {
			return err
		}
	}
	switch {
	case kind == "" || kind == "none":
		return nil
	case kind != "gpt2":
		g.Notes = append(g.Notes, fmt.Sprintf("Its tokenizer is of the kind %.40q, and only byte-level BPE as GPT-2's is read: it is left out.", kind))
		return nil
	case pre != "gpt-2" && pre != "gpt2" && pre != "":
		g.Notes = append(g.Notes, fmt.Sprintf("Its tokenizer cuts texts into words as %.40q, and only as \"gpt-2\" is read: it is left out.", pre))
		return nil
	}
	if v, ok := g.in.Lookup(at + "add_bos_token"); ok && v != false {
		return fmt.Errorf("%sadd_bos_token is %v: tokens around every text are not supported", at, v)
	}
	p := token.Parts{}
	if p.Chat, err = g.text("tokenizer.chat_template"); err != nil {
		return err
	}
	if p.Tokens, err = list[string](g, at+"tokens"); err != nil {
		return err
	}
	if p.Merges, err = list[string](g, at+"merges"); err != nil {
		return err
	}
	kinds, err := list[int32](g, at+"token_type")
	switch {
	case err != nil:
		return err
	case len(p.Tokens) == 0 || len(p.Tokens) > g.Network.Vocab:
		return fmt.Errorf("%stokens has %d, and the network %d", at, len(p.Tokens), g.Network.Vocab)
	case len(kinds) > 0 && len(kinds) != len(p.Tokens):
		return fmt.Errorf("%stoken_type has %d, and there are %d tokens", at, len(kinds), len(p.Tokens))
	}
	for n := len(p.Tokens); n > 0 && len(kinds) > 0 && kinds[n-1] == ggufUnused && strings.HasPrefix(p.Tokens[n-1], "[PAD"); n-- {
		p.Tokens, kinds = p.Tokens[:n-1], kinds[:n-1] // rows that no token has
	}
	for id, kind := range kinds {
		if kind != ggufNormal {
			p.Added = append(p.Added, token.Added{ID: int32(id), Text: p.Tokens[id], Special: kind != ggufUserDefined})
		}
	}
	if g.Tokenizer, err = token.NewBPE(p); err != nil {
		return fmt.Errorf("the tokenizer: %w", err)
	}
	g.ends(p.Chat)
	return nil
}

// ends tells the tokenizer what ends a text: with a template of chats, that which ends
// a turn.
func (g *GGUF) ends(chat string) {
	if len(g.BOS) > 0 && g.Tokenizer.IsSpecial(g.BOS[0]) {
		defer func() { g.Tokenizer = g.Tokenizer.WithBOS(g.BOS[0]) }()
	}
	for _, id := range slices.Backward(g.EOS) {
		if g.Tokenizer.IsSpecial(id) {
			g.Tokenizer = g.Tokenizer.WithEOS(id)
			if chat != "" {
				return // the last one is that of a turn
			}
		}
	}
}

// token adds the token of key to ids, if it is there.
func (g *GGUF) token(key string, ids *[]int32) error {
	if _, ok := g.in.Lookup(key); !ok {
		return nil
	}
	id, err := g.whole(key, -1)
	if err == nil && id >= int64(g.Network.Vocab) {
		err = fmt.Errorf("%s is %d, and there are %d tokens", key, id, g.Network.Vocab)
	}
	if err == nil && !slices.Contains(*ids, int32(id)) {
		*ids = append(*ids, int32(id))
	}
	return err
}

// list is a value that is a list, none where the key is absent.
func list[T any](g *GGUF, key string) ([]T, error) {
	v, ok := g.in.Lookup(key)
	l, is := v.([]T)
	if ok && !is {
		return nil, fmt.Errorf("%s is %.40s: it must be a list of another kind", key, fmt.Sprint(v))
	}
	return l, nil
}
