// Speed measures GPT-2's tokenizer on a text, on the texts that are hardest for it, and
// how long a vocabulary takes to learn: go build ./token/testdata/speed && ./speed TEXT
//
// With more arguments it measures those tokenizers alone, in the processor time of one thread,
// which a busy machine changes little: ./speed TEXT TOKENIZER.json…
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pedestrian-ml/pedestrian/token"
)

// best is the least time of several runs.
func best(times int, f func()) time.Duration {
	least := time.Hour
	for range times {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	return least
}

// cpu is the processor time that the process has taken.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// others measures tokenizers of files.
func others(text string, paths []string) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	rate := func(times int, f func()) float64 {
		least := time.Hour
		for range times {
			start := cpu()
			f()
			least = min(least, cpu()-start)
		}
		return float64(len(text)) / 1e6 / least.Seconds()
	}
	for _, path := range paths {
		t, err := token.Load(path)
		if err != nil {
			panic(err)
		}
		var ids []int32
		first := rate(1, func() { ids, _ = t.Encode(text) })
		again := rate(15, func() { t.Encode(text) })
		decode := rate(15, func() { t.Decode(ids) })
		fmt.Printf("%-20s %7d tokens, the first time %4.0f MB/s, again %4.0f MB/s, decode %4.0f MB/s\n", filepath.Base(path), len(ids), first, again, decode)
	}
}

func main() {
	if len(os.Args) > 2 {
		data, err := os.ReadFile(os.Args[1])
		if err != nil {
			panic(err)
		}
		others(string(data), os.Args[2:])
		return
	}
	start := time.Now()
	g := token.GPT2()
	fmt.Printf("GPT2() takes %v\n", time.Since(start).Round(time.Millisecond/10))
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	text := string(data)
	cut := len(text) * 9 / 10
	start = time.Now()
	g.Encode(text)
	fmt.Printf("the first text, no word of which is known: %v\n", time.Since(start).Round(time.Millisecond/10))
	train, _ := g.Encode(text[:cut])
	val, _ := g.Encode(text[cut:])
	whole, _ := g.Encode(text)
	fmt.Printf("%d bytes: %d tokens, %d + %d when split 90/10\n", len(text), len(whole), len(train), len(val))
	for _, threads := range []int{1, runtime.NumCPU()} {
		runtime.GOMAXPROCS(threads)
		for _, size := range []int{1, 10} {
			long := strings.Repeat(text, size)
			t := best(7, func() { g.Encode(long) })
			fmt.Printf("encode %4.1f MB, %d threads: %v, %.1f MB/s\n", float64(len(long))/1e6, threads, t.Round(time.Millisecond/10), float64(len(long))/1e6/t.Seconds())
		}
	}
	fmt.Printf("decode: %.0f MB/s\n", float64(len(text))/1e6/best(7, func() { g.Decode(whole) }).Seconds())
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 2<<20)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	for _, c := range [][2]string{{"a", "a"}, {"^", "^"}, {"digits", "7"}, {"blanks", " "}, {"joiners", "\u200d"}, {"emoji", "👩🏽‍🚀"}, {"random bytes", string(random)}} {
		took := func(n int) time.Duration {
			s := strings.Repeat(c[1], n/len(c[1])+1)[:n]
			return best(3, func() { g.Encode(s) })
		}
		one, two := took(1<<20), took(2<<20)
		fmt.Printf("%-13s 1 MiB %v, 2 MiB %.2f times as long\n", c[0], one.Round(time.Millisecond), float64(two)/float64(one))
	}
	for _, vocab := range []int{1000, 8192, 32000} {
		start := time.Now()
		t, err := token.TrainBPE(slices.Values([]string{text}), token.TrainOptions{Vocab: vocab, MinCount: 2})
		if err != nil {
			panic(err)
		}
		fmt.Printf("learn %d tokens: %v\n", t.Vocab(), time.Since(start).Round(time.Millisecond))
	}
	file, _ := g.MarshalJSON()
	fmt.Printf("write GPT-2's tokenizer.json: %v; ", best(3, func() { g.MarshalJSON() }).Round(time.Millisecond))
	fmt.Printf("read it: %v\n", best(3, func() {
		if new(token.Tokenizer).UnmarshalJSON(file) != nil {
			panic("not read")
		}
	}).Round(time.Millisecond))
}
