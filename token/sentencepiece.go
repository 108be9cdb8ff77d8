package token

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// A sentencePiece is what a tokenizer.model of SentencePiece says of how a text is cut. The
// file is a message ModelProto of its sentencepiece_model.proto.
type sentencePiece struct {
	pieces []piece
	parts  Parts
	bos    string // bos_piece, which begins every text; "" = none
}

// A piece is one token of the file.
type piece struct {
	text  string
	score float32
	kind  uint64
}

// Kinds of pieces.
const (
	pieceNormal      = 1
	pieceUnknown     = 2
	pieceControl     = 3
	pieceUserDefined = 4
	pieceUnused      = 5
	pieceByte        = 6
)

// pieceModels are the names of TrainerSpec.model_type.
var pieceModels = []string{1: "unigram", 2: "BPE", 3: "word", 4: "char"}

// parseSentencePiece reads a tokenizer.model. Whatever in it changes how a text is cut, and is
// not as in the models of Llama 2 and Mistral, is an error. What only its trainer used is passed
// over, and so is its self-test.
func parseSentencePiece(data []byte) (*sentencePiece, error) {
	if line, _, _ := bytes.Cut(data, []byte("\n")); len(data) > 0 && data[0] != '\n' && utf8.Valid(line) && bytes.Count(line, []byte(" ")) == 1 {
		return nil, fmt.Errorf("it is a list of tiktoken, not a model of SentencePiece: the tokenizer.json of the same model is read")
	}
	s := &sentencePiece{}
	trainer, normalizer := newTrainerSpec(), newNormalizerSpec()
	err := eachField(data, "the model", func(f protoField) error {
		switch f.number {
		case 1:
			if len(s.pieces) == maxTokens {
				return fmt.Errorf("more than %d pieces", maxTokens)
			}
			p, err := readPiece(f)
			if err != nil {
				return fmt.Errorf("piece %d: %w", len(s.pieces), err)
			}
			s.pieces = append(s.pieces, p)
			return nil
		case 2:
			return trainer.read(f)
		case 3:
			return normalizer.read(f)
		case 4: // the self-test
			return nil
		case 5:
			denormalizer := newNormalizerSpec()
			if err := denormalizer.read(f); err != nil {
				return err
			}
			if denormalizer.mapped {
				return fmt.Errorf("denormalizer_spec changes decoded texts: that is not supported")
			}
			return nil
		}
		return f.unknown("the model")
	})
	if err == nil {
		err = trainer.check()
	}
	if err == nil {
		err = normalizer.check()
	}
	if err == nil {
		err = s.makeParts(trainer, normalizer)
	}
	return s, err
}

// makeParts makes the parts of the tokenizer.
func (s *sentencePiece) makeParts(trainer trainerSpec, normalizer normalizerSpec) error {
	p := &s.parts
	p.SentencePiece, p.Scores = true, make([]float32, 0, len(s.pieces))
	if !normalizer.addDummyPrefix {
		p.SpacePrefix = PrefixNever
	}
	if len(s.pieces) == 0 {
		return fmt.Errorf("it has no pieces")
	}
	for id, x := range s.pieces {
		p.Tokens, p.Scores = append(p.Tokens, x.text), append(p.Scores, x.score)
		switch x.kind {
		case pieceNormal:
		case pieceByte:
			if !isByteSpelling(x.text) {
				return fmt.Errorf("piece %d, %.40q, is of type BYTE: such a piece is spelt from <0x00> to <0xFF>", id, x.text)
			}
		case pieceUnknown:
			if p.Unknown != "" {
				return fmt.Errorf("pieces %.40q and %.40q are both of type UNKNOWN", p.Unknown, x.text)
			}
			p.Unknown = x.text
			fallthrough
		case pieceControl:
			p.Added = append(p.Added, Added{ID: int32(id), Text: x.text, Special: true})
			if x.text == trainer.bos {
				p.BOS, s.bos = x.text, x.text
			}
			if x.text == trainer.eos {
				p.EOS = x.text
			}
		case pieceUserDefined:
			return fmt.Errorf("piece %d, %.40q, is of type USER_DEFINED: that is not supported", id, x.text)
		case pieceUnused:
			return fmt.Errorf("piece %d, %.40q, is of type UNUSED: that is not supported", id, x.text)
		default:
			return fmt.Errorf("piece %d, %.40q, is of the unknown type %d", id, x.text, x.kind)
		}
	}
	return nil
}

// isByteSpelling reports whether text is <0x00> to <0xFF>.
func isByteSpelling(text string) bool {
	for b := range 256 {
		if text == byteSpelling(byte(b)) {
			return true
		}
	}
	return false
}

func readPiece(f protoField) (p piece, err error) {
	p.kind = pieceNormal
	err = f.each("a piece", func(f protoField) error {
		switch f.number {
		case 1:
			return f.text("its text", &p.text)
		case 2:
			return f.float("its score", &p.score)
		case 3:
			return f.whole("its type", &p.kind)
		}
		return f.unknown("a piece")
	})
	if err == nil && math.IsInf(float64(p.score), 0) {
		err = fmt.Errorf("its score is infinite")
	}
	return p, err
}

// A trainerSpec is what TrainerSpec says beside what only the trainer used.
type trainerSpec struct {
	kind                 uint64
	suffix, byteFallback bool
	bos, eos             string
}

func newTrainerSpec() trainerSpec { return trainerSpec{kind: 1, bos: "<s>", eos: "</s>"} }

func (t *trainerSpec) read(f protoField) error {
	return f.each("trainer_spec", func(f protoField) error {
		switch f.number {
		case 3:
			return f.whole("model_type", &t.kind)
		case 24:
			return f.flag("treat_whitespace_as_suffix", &t.suffix)
		case 35:
			return f.flag("byte_fallback", &t.byteFallback)
		case 46:
			return f.text("bos_piece", &t.bos)
		case 47:
			return f.text("eos_piece", &t.eos)
		}
		return nil
	})
}

func (t trainerSpec) check() error {
	switch {
	case t.kind < uint64(len(pieceModels)) && t.kind > 0 && t.kind != 2:
		return fmt.Errorf("the model is of type %s, which is not supported: models of type BPE are read, as those of Llama 2 and Mistral", pieceModels[t.kind])
	case t.kind != 2:
		return fmt.Errorf("the model is of the unknown type %d: models of type BPE are read", t.kind)
	case t.suffix:
		return fmt.Errorf("treat_whitespace_as_suffix is true: that is not supported")
	case !t.byteFallback:
		return fmt.Errorf("byte_fallback is false: characters without a piece would be lost, and that is not supported")
	}
	return nil
}

// A normalizerSpec is NormalizerSpec.
type normalizerSpec struct {
	name                                  string
	mapped                                bool // characters are replaced
	addDummyPrefix, removeSpaces, escapes bool
}

func newNormalizerSpec() normalizerSpec {
	return normalizerSpec{addDummyPrefix: true, removeSpaces: true, escapes: true}
}

func (n *normalizerSpec) read(f protoField) error {
	var rules string
	err := f.each("normalizer_spec", func(f protoField) error {
		switch f.number {
		case 1:
			return f.text("its name", &n.name)
		case 2:
			if f.kind != protowire.BytesType {
				return f.wrong("precompiled_charsmap", "bytes")
			}
			n.mapped = len(f.bytes) > 0
			return nil
		case 3:
			return f.flag("add_dummy_prefix", &n.addDummyPrefix)
		case 4:
			return f.flag("remove_extra_whitespaces", &n.removeSpaces)
		case 5:
			return f.flag("escape_whitespaces", &n.escapes)
		case 6: // what precompiled_charsmap was made of
			return f.text("normalization_rule_tsv", &rules)
		}
		return f.unknown("normalizer_spec")
	})
	return err
}

func (n normalizerSpec) check() error {
	switch {
	case n.mapped:
		return fmt.Errorf("normalizer %.40q replaces characters, which is not supported: identity is read, as in the models of Llama 2 and Mistral", n.name)
	case n.removeSpaces:
		return fmt.Errorf("remove_extra_whitespaces is true: that is not supported, since the text would not come back")
	case !n.escapes:
		return fmt.Errorf("escape_whitespaces is false: that is not supported")
	}
	return nil
}

// A protoField is one field of a message.
type protoField struct {
	number protowire.Number
	kind   protowire.Type
	value  uint64 // of a varint, or of 32 bits
	bytes  []byte // of bytes, a text or a message
}

// eachField calls visit with the fields of a message.
func eachField(message []byte, what string, visit func(protoField) error) error {
	for at := 0; at < len(message); {
		var f protoField
		number, kind, n := protowire.ConsumeTag(message[at:])
		if f.number, f.kind = number, kind; n > 0 {
			rest := message[at+n:]
			size := -1
			switch kind {
			case protowire.VarintType:
				f.value, size = protowire.ConsumeVarint(rest)
			case protowire.Fixed32Type:
				var v uint32
				v, size = protowire.ConsumeFixed32(rest)
				f.value = uint64(v)
			case protowire.Fixed64Type:
				f.value, size = protowire.ConsumeFixed64(rest)
			case protowire.BytesType:
				f.bytes, size = protowire.ConsumeBytes(rest)
			}
			if n += size; size < 0 {
				n = -1
			}
		}
		if n <= 0 {
			return fmt.Errorf("%s is damaged at byte %d of its %d: it is no message of SentencePiece, or is cut", what, at, len(message))
		}
		at += n
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// each calls visit with the fields of f, which is a message.
func (f protoField) each(what string, visit func(protoField) error) error {
	if f.kind != protowire.BytesType {
		return f.wrong(what, "a message")
	}
	return eachField(f.bytes, what, visit)
}

func (f protoField) wrong(what, want string) error {
	return fmt.Errorf("%s (field %d) is of wire type %d: it must be %s", what, f.number, f.kind, want)
}

func (f protoField) unknown(what string) error {
	return fmt.Errorf("%s has the unknown field %d: it may change how text is cut, so the file is refused", what, f.number)
}

func (f protoField) text(what string, to *string) error {
	if f.kind != protowire.BytesType {
		return f.wrong(what, "a text")
	}
	if !utf8.Valid(f.bytes) {
		return fmt.Errorf("%s, %.40q, is not UTF-8", what, f.bytes)
	}
	*to = string(f.bytes)
	return nil
}

func (f protoField) whole(what string, to *uint64) error {
	if f.kind != protowire.VarintType {
		return f.wrong(what, "a whole number")
	}
	*to = f.value
	return nil
}

func (f protoField) flag(what string, to *bool) error {
	if f.kind != protowire.VarintType || f.value > 1 {
		return f.wrong(what, "true or false")
	}
	*to = f.value == 1
	return nil
}

func (f protoField) float(what string, to *float32) error {
	if f.kind != protowire.Fixed32Type {
		return f.wrong(what, "a float of 32 bits")
	}
	*to = math.Float32frombits(uint32(f.value))
	return nil
}
