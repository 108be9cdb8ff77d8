package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
)

// fileOf is a file with that header and n bytes of data.
func fileOf(header string, n int) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), make([]byte, n)...)
}

// withLength is a header's length, whatever follows.
func withLength(n uint64, rest string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, n), rest...)
}

type badFile struct {
	what   string
	file   []byte
	reason reason
}

const (
	one = `"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}`
	two = `"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}`
)

func entry(name, dtype, shape, offsets string) string {
	return fmt.Sprintf(`"%s":{"dtype":%s,"shape":%s,"data_offsets":%s}`, name, dtype, shape, offsets)
}

// badFiles makes every file of the list that a reader has to refuse.
func badFiles() (all []badFile) {
	add := func(reason reason, what string, file []byte) { all = append(all, badFile{what, file, reason}) }
	header := func(reason reason, header string, n int) { add(reason, clip(header), fileOf(header, n)) }

	whole := fileOf("{"+one+","+two+"}", 16)
	headerEnd := len(whole) - 16
	for n := range whole {
		reason := reasonHeaderCutShort
		if n < 8 {
			reason = reasonTooShort
		} else if n >= headerEnd {
			reason = reasonDataSize
		}
		add(reason, fmt.Sprintf("cut to %d bytes", n), whole[:n])
	}
	for i := 1; i < len("{"+one+"}"); i++ { // the header cut, and its length with it
		h := ("{" + one + "}")[:i]
		header(reasonSyntax, h, 8)
	}
	for _, n := range []uint64{1 << 31, 1 << 32, 1<<63 - 1, 1 << 63, math.MaxUint64, maxHeader + 1} {
		add(reasonHeaderTooLarge, fmt.Sprintf("a header of %d", n), withLength(n, "{}"))
	}
	for _, n := range []uint64{3, 4, 1000, maxHeader} {
		add(reasonHeaderCutShort, fmt.Sprintf("a header of %d", n), withLength(n, "{}"))
	}
	add(reasonNotAnObject, "a header of 0", withLength(0, ""))
	add(reasonNotAnObject, "a header of 0 before {}", withLength(0, "{}"))
	add(reasonSyntax, "a header of 1", withLength(1, "{}"))
	for _, h := range []string{"[]", "null", "1", `"a"`, " {" + one + "}", "\n{" + one + "}", "\ufeff{" + one + "}", "\x00{" + one + "}", "a", "\xff\xfe", strings.Repeat("[", 10_001)} {
		header(reasonNotAnObject, h, 8)
	}
	for _, tail := range []string{"x", "{}", "}", ",", "\x00", "0", "\u00a0", "\f", "\v", ` "a"`, strings.Repeat(" ", 100) + "x"} {
		header(reasonAfterTheEnd, "{"+one+"}"+tail, 8)
	}
	for _, s := range []string{"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82"} {
		header(reasonNotUTF8, `{"`+s+`":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8)
		header(reasonNotUTF8, `{"__metadata__":{"k":"`+s+`"},`+one+`}`, 8)
	}
	for _, s := range []string{`\ud800`, `\udc00`, `\ud800\u0041`, `\ud800\ud800`, `\udc00\ud800`, `\uD83D`, `\ud83dx`, `\ud83d\n`} {
		header(reasonNotUTF8, "{"+entry(s, `"F32"`, "[2]", "[0,8]")+"}", 8)
	}
	for _, s := range []string{`\x`, `\u12`, `\u12g4`, `\U0041`, `\'`, "\n", "\t", "\x00", "\x1f", `\ud83d\uzzzz`} {
		header(reasonSyntax, "{"+entry(s, `"F32"`, "[2]", "[0,8]")+"}", 8)
	}
	for _, h := range []string{
		"{" + one + " " + two + "}", "{" + one + ";" + two + "}", `{"a"}`, `{"a" 1}`, `{"a",}`, `{"a"=1}`,
		`{"a":{"dtype":"F32";"shape":[2],"data_offsets":[0,8]}}`, `{"a":{"dtype"="F32","shape":[2],"data_offsets":[0,8]}}`,
		`{"a":{"dtype":"F32","shape":[2}}`[:30], `{"a":{"dtype":"F32","data_offsets":[0,8}`[:39], `{"a`, `{"a\`, `{"a\u00`, `{"a":`, `{"a":{`, `{"__metadata__":{`, `{"__metadata__":{"a"`, `{"__metadata__":{"a":"b"`, `{"__metadata__":{"a":"b",`,
	} {
		header(reasonSyntax, h, 8)
	}
	for _, h := range []string{`{a:1}`, `{'a':1}`, `{1:2}`, `{null:1}`, `{"a":1}`, `{"a":null}`, `{"a":true}`, `{"a":"F32"}`, `{"a":[]}`, `{"a":}`, "{" + one + ",}", "{,}", "{," + one + "}", "{" + strings.Repeat(`"a":[`, 10_001), `{"__metadata__":null}`, `{"__metadata__":[]}`,
		`{"__metadata__":"x"}`, `{"__metadata__":{"k":1}}`, `{"__metadata__":{"k":null}}`, `{"__metadata__":{"k":{"a":"b"}}}`, `{"__metadata__":{"k":["v"]}}`, `{"__metadata__":{1:"v"}}`, `{"__metadata__":{"k":true}}`} {
		header(reasonWrongType, h, 8)
	}
	for _, v := range []string{"null", "1", "[]", "{}", "true", `["F32"]`} {
		header(reasonWrongType, "{"+entry("a", v, "[2]", "[0,8]")+"}", 8)
	}
	for _, v := range []string{"null", "1", `"2"`, "{}", "true", `{"0":2}`} {
		header(reasonWrongType, "{"+entry("a", `"F32"`, v, "[0,8]")+"}", 8)
		header(reasonWrongType, "{"+entry("a", `"F32"`, "[2]", v)+"}", 8)
	}
	for _, v := range []string{"[]", "[0]", "[8]"} {
		header(reasonWrongType, "{"+entry("a", `"F32"`, "[2]", v)+"}", 8)
	}
	for _, v := range []string{"2.0", "2e0", "1e3", "-0", "-1", `"2"`, "null", "true", "[2]", "{}", "+2", "02", "00", "0x2", "2_0", "NaN", "Infinity", "٢", "２", "2 1", "",
		"9223372036854775808", "18446744073709551616", strings.Repeat("9", 400), "2.", ".5", "1e999", "-9223372036854775808"} {
		if v != "" {
			header(reasonNumber, "{"+entry("a", `"F32"`, "["+v+"]", "[0,8]")+"}", 8)
			header(reasonNumber, "{"+entry("a", `"F32"`, "[2]", "[0,"+v+"]")+"}", 8)
			header(reasonNumber, "{"+entry("a", `"F32"`, "[2]", "["+v+",8]")+"}", 8)
		}
		header(reasonNumber, "{"+entry("a", `"F32"`, "[2,"+v+"]", "[0,8]")+"}", 8)
	}
	for _, h := range []string{
		one + "," + one, one + "," + entry("a", `"F32"`, "[2]", "[8,16]"), entry(`\u0061`, `"F32"`, "[2]", "[8,16]") + "," + one, `"__metadata__":{},"__metadata__":{},` + one, `"__metadata__":{"k":"1","k":"2"},` + one,
		`"__metadata__":{"k":"1","\u006b":"2"},` + one, `"__metadata__":{},` + one + `,"__metadata\u005f_":{}`,
		`"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}`, `"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}`,
		`"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_offsets":[0,8]}`, `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"dtyp\u0065":"F32"}`,
	} {
		header(reasonDuplicate, "{"+h+"}", 16)
	}
	for _, k := range []string{"DTYPE", "Dtype", "ſhape", "SHAPE", "data_offset", "Data_offsets", "strides", "", "dtype ", `dtype\u0000`, "d", "byte_order"} {
		header(reasonUnknownKey, `{"a":{"`+k+`":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8)
	}
	for _, h := range []string{`{}`, `{"dtype":"F32"}`, `{"shape":[2]}`, `{"data_offsets":[0,8]}`, `{"dtype":"F32","shape":[2]}`, `{"dtype":"F32","data_offsets":[0,8]}`, `{"shape":[2],"data_offsets":[0,8]}`} {
		header(reasonMissingKey, `{"a":`+h+"}", 8)
	}
	for _, d := range []string{"f32", "F32 ", " F32", "", "FLOAT32", "float32", "F31", "BF32", "F128", "I128", "Q8_0", "F3", "U1", "BOOLEAN", `F32\u0000`, "C128", strings.Repeat("F", 1<<16)} {
		header(reasonUnknownType, "{"+entry("a", `"`+d+`"`, "[2]", "[0,8]")+"}", 8)
	}
	for _, d := range []int{9, 10, 65, 100_000} {
		header(reasonTooMany, "{"+entry("a", `"F32"`, "["+strings.Repeat("1,", d-1)+"2]", "[0,8]")+"}", 8)
	}
	header(reasonTooMany, "{"+entry("a", `"F32"`, "[2]", "[0,8,8]")+"}", 8)
	header(reasonTooMany, "{"+entry("a", `"F32"`, "[2]", "[0,4,4,8]")+"}", 8)
	header(reasonTooMany, "{"+entry(strings.Repeat("n", maxName+1), `"F32"`, "[2]", "[0,8]")+"}", 8)
	header(reasonTooMany, "{"+entry(strings.Repeat("n", 1<<20), `"F32"`, "[2]", "[0,8]")+"}", 8)
	for _, s := range []string{"[4194305,4194305,211106198978564]", "[9223372036854775807,2]", "[9223372036854775807,9223372036854775807]", "[4294967296,4294967296]", "[2,4611686018427387904]", "[0,4611686018427387904,4]", "[4611686018427387904,4,0]",
		"[0,9223372036854775807,9223372036854775807]", "[4611686018427387904]", "[2305843009213693952]", "[2305843009213693953]", "[288230376151711744]", "[9223372036854775807]", "[65536,65536,65536,65536]", "[65536,65536,65536,65537]", "[3,3074457345618258603]"} {
		for _, o := range []string{"[0,0]", "[0,4]", "[0,8]"} {
			header(reasonOverflow, "{"+entry("a", `"F32"`, s, o)+"}", 8)
		}
	}
	header(reasonMisaligned, "{"+entry("a", `"F4"`, "[15]", "[0,8]")+"}", 8)
	header(reasonMisaligned, "{"+entry("a", `"F4"`, "[]", "[0,1]")+"}", 1)
	header(reasonMisaligned, "{"+entry("a", `"F6_E2M3"`, "[3]", "[0,2]")+"}", 2)
	header(reasonMisaligned, "{"+entry("a", `"F6_E3M2"`, "[2]", "[0,8]")+"}", 8)
	for _, d := range []string{"F64", "I64", "F16", "BF16", "U8", "BOOL", "C64", "U16", "F8_E4M3", "F4"} {
		header(reasonWrongSize, "{"+entry("a", `"`+d+`"`, "[2]", "[0,8]")+"}", 8)
	}
	for _, s := range []string{"[1]", "[3]", "[]", "[0]", "[2,0]", "[2,2]", "[1000000000]", "[250000000,4]"} {
		header(reasonWrongSize, "{"+entry("a", `"F32"`, s, "[0,8]")+"}", 8)
	}
	header(reasonWrongSize, "{"+entry("a", `"F32"`, "[2]", "[0,0]")+"}", 8)
	header(reasonWrongSize, "{"+entry("a", `"F32"`, "[2]", "[1,8]")+"}", 8)
	header(reasonWrongSize, "{"+entry("a", `"F32"`, "[2]", "[0,9007199254740993]")+"}", 8)
	header(reasonWrongSize, "{"+entry("a", `"F32"`, "[0]", "[0,1]")+"}", 1)
	for _, h := range []string{
		entry("a", `"F32"`, "[2]", "[8,0]"), entry("a", `"F32"`, "[2]", "[1,0]"), entry("a", `"F32"`, "[2]", "[9223372036854775807,0]"), // backwards
		entry("a", `"F32"`, "[2]", "[4,12]"), entry("a", `"F32"`, "[2]", "[1,9]"), entry("a", `"F32"`, "[2]", "[9223372036854775799,9223372036854775807]"), // not from 0
		one + "," + entry("b", `"F32"`, "[2]", "[7,15]"), one + "," + entry("b", `"F32"`, "[2]", "[9,17]"), one + "," + entry("b", `"F32"`, "[2]", "[0,8]"), // overlap, hole, the same
		one + "," + entry("b", `"F32"`, "[1]", "[0,4]"), one + "," + entry("b", `"F32"`, "[1]", "[4,8]"), one + "," + entry("b", `"F32"`, "[0]", "[4,4]"), one + "," + entry("b", `"F32"`, "[0]", "[9,9]"), entry("a", `"F32"`, "[0]", "[1,1]"),
		two, two + "," + entry("c", `"F32"`, "[2]", "[16,24]"),
	} {
		header(reasonRange, "{"+h+"}", 16)
	}
	for _, tail := range []string{"\x00", "PK\x05\x06" + strings.Repeat("\x00", 18), "%PDF-1.7\n%%EOF", strings.Repeat("\x00", 4096), "    "} {
		add(reasonDataSize, "a tail of "+clip(tail), append(fileOf("{"+one+"}", 8), tail...))
	}
	header(reasonDataSize, "{"+one+"}", 7)
	header(reasonDataSize, "{"+one+"}", 0)
	header(reasonDataSize, "{}", 1)
	header(reasonDataSize, "{"+entry("a", `"F32"`, "[1000000000]", "[0,4000000000]")+"}", 200)
	header(reasonDataSize, "{"+entry("a", `"U8"`, "[1152921504606846975]", "[0,1152921504606846975]")+"}", 8)
	header(reasonDataSize, "{"+entry("a", `"F32"`, "[]", "[0,4]")+"}", 5)
	return all
}

// Every file of the corpus is refused, for its own reason, in one line, soon, and
// without asking for memory beyond what the file is worth.
func TestBadFiles(t *testing.T) {
	all := badFiles()
	if len(all) < 250 {
		t.Errorf("%d files, and 250 were promised", len(all))
	}
	count := map[reason]int{}
	for _, b := range all {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		f, err := Read(bytes.NewReader(b.file), int64(len(b.file)))
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted, with %d tensors", b.what, len(f.Tensors))
			continue
		}
		var e *formatError
		if !errors.As(err, &e) || e.reason != b.reason {
			t.Errorf("%s: %v, which is not of the kind %q", b.what, err, b.reason)
		} else if strings.ContainsAny(err.Error(), "\n\x00") || len(err.Error()) > 400 {
			t.Errorf("%s: not one short line: %q", b.what, err)
		}
		if took > patience(2*time.Second) {
			t.Errorf("%s: took %v", b.what, took)
		}
		if asked := after.TotalAlloc - before.TotalAlloc; asked > 64<<20+uint64(len(b.file)) {
			t.Errorf("%s: %d bytes were asked for", b.what, asked)
		}
		count[b.reason]++
	}
	for _, r := range []reason{reasonTooShort, reasonHeaderTooLarge, reasonHeaderCutShort, reasonNotAnObject, reasonNotUTF8, reasonSyntax, reasonAfterTheEnd, reasonWrongType, reasonNumber, reasonDuplicate, reasonUnknownKey, reasonMissingKey, reasonUnknownType, reasonTooMany, reasonOverflow, reasonMisaligned, reasonWrongSize, reasonRange, reasonDataSize} {
		if count[r] == 0 {
			t.Errorf("no file for %q", r)
		}
	}
	t.Logf("%d files refused: %v", len(all), count)
}

// What lies just inside the rules loads: the twins of the files above.
func TestGoodFiles(t *testing.T) {
	for _, c := range []struct {
		header  string
		n       int
		tensors int
	}{
		{"{}", 0, 0}, {"{ }", 0, 0}, {"{" + one + "}", 8, 1}, {"{" + one + "," + two + "}", 16, 2}, {"{" + two + "," + one + "}", 16, 2},
		{"{" + one + "}        ", 8, 1}, {"{" + one + "}\n", 8, 1}, {"{ " + one + " ,\n\t" + two + "\r}", 16, 2},
		{"{" + entry("", `"F32"`, "[2]", "[0,8]") + "}", 8, 1},
		{"{" + entry(`\u0061\n\t\b\f\r\/\\\"`, `"F32"`, "[2]", "[0,8]") + "}", 8, 1},
		{"{" + entry(`\ud83d\ude00é`, `"F32"`, "[ 2 , 1 ]", "[ 0 , 8 ]") + "}", 8, 1},
		{"{" + entry("a", `"F\u00332"`, "[]", "[0,4]") + "}", 4, 1},
		{"{" + entry("a", `"I32"`, "[]", "[0,4]") + "," + entry("A", `"I32"`, "[]", "[4,8]") + "}", 8, 2},
		{"{" + entry("a", `"F32"`, "[0]", "[0,0]") + "," + entry("b", `"F32"`, "[2,0,9007199254740993]", "[0,0]") + "," + strings.Replace(one, `"a"`, `"c"`, 1) + "," + entry("d", `"F32"`, "[0]", "[8,8]") + "}", 8, 4},
		{"{" + entry("a", `"F4"`, "[16]", "[0,8]") + "}", 8, 1}, {"{" + entry("a", `"F6_E2M3"`, "[4]", "[0,3]") + "}", 3, 1},
		{"{" + entry("a", `"F32"`, "[1,1,1,1,1,1,1,2]", "[0,8]") + "}", 8, 1},
		{"{" + entry(strings.Repeat("n", maxName), `"F32"`, "[2]", "[0,8]") + "}", 8, 1},
		{`{"__metadata__":{},` + one + "}", 8, 1}, {"{" + one + `,"__metadata__":{"format":"pt","":"","k":"` + strings.Repeat("v", 1<<20) + `"}}`, 8, 1},
	} {
		file := fileOf(c.header, c.n)
		f, err := Read(bytes.NewReader(file), int64(len(file)))
		if err != nil || len(f.Tensors) != c.tensors {
			t.Errorf("%s: %v", clip(c.header), err)
			continue
		}
		for i, tensor := range f.Tensors {
			if got, ok := f.Lookup(tensor.Name); !ok || got.Name != tensor.Name || i > 0 && f.Tensors[i-1].end != tensor.begin {
				t.Errorf("%s: tensor %q is not in its place", clip(c.header), tensor.Name)
			}
		}
	}
	if len(dtypes) != 22 {
		t.Errorf("%d types", len(dtypes))
	}
	for _, d := range dtypes {
		h := "{" + entry("a", `"`+string(d.name)+`"`, "[8]", fmt.Sprintf("[0,%d]", d.bits)) + "}"
		file := fileOf(h, d.bits)
		if _, err := Read(bytes.NewReader(file), int64(len(file))); err != nil {
			t.Errorf("%s: %v", d.name, err)
		}
	}
}

// patience is a limit on time, for programs that are not slowed down by a detector.
func patience(d time.Duration) time.Duration {
	if raceDetector {
		return 20 * d
	}
	return d
}

// A header of 100,000 tensors is read in half a second; one of 50 MB of metadata too.
func TestManyTensors(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `"model.layers.%d.self_attn.q_proj.weight":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]},`, i, 4*i, 4*i+4)
	}
	many := fileOf("{"+strings.TrimSuffix(b.String(), ",")+"}", 400_000)
	big := fileOf(`{"__metadata__":{"k":"`+strings.Repeat("v", 50<<20)+`"}}`, 0)
	for _, file := range [][]byte{many, big} {
		begin := time.Now()
		if _, err := Read(bytes.NewReader(file), int64(len(file))); err != nil {
			t.Error(err)
		}
		t.Logf("a header of %d bytes: %v", len(file), time.Since(begin))
		if took := time.Since(begin); took > patience(20*time.Second) { // half a second alone, more beside others
			t.Errorf("a header of %d bytes took %v", len(file), took)
		}
	}
	b.Reset()
	for i := range maxTensors + 1 {
		fmt.Fprintf(&b, `"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`, i)
	}
	if file := fileOf("{"+strings.TrimSuffix(b.String(), ",")+"}", 0); len(file) < maxHeader {
		_, err := Read(bytes.NewReader(file), int64(len(file)))
		if e, ok := errors.AsType[*formatError](err); !ok || e.reason != reasonTooMany {
			t.Errorf("%d tensors: %v", maxTensors+1, err)
		}
	}
}
