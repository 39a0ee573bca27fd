// Command play-small makes the data of scripts/play.yaml: a base that knows short sums, and held-out longer ones.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/trainer/quickstart"
)

func main() {
	dir := flag.String("out", "runs/play", "directory to write")
	rows := flag.Int("rows", 12000, "rows that the base is trained on")
	flag.Parse()
	if err := write(*dir, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "play-small:", err)
		os.Exit(1)
	}
}

// levels of the base's sums: mostly one digit, some of two, few of three.
var levels = []int{1, 1, 1, 1, 2, 2, 2, 3}

func write(dir string, rows int) error {
	if err := fsys.MakeDir(fsys.OS, dir); err != nil {
		return err
	}
	if err := quickstart.WriteModel(fsys.OS, filepath.Join(dir, "model"), 1); err != nil {
		return err
	}
	r := rng.NewStream(1, 0x706c6179)
	var base, held strings.Builder
	for i := range rows {
		level := levels[r.IntN(len(levels))]
		x, y := operand(level, r), operand(level, r)
		if i%4 == 0 { // the proposer's role
			level = 1 + r.IntN(3)
			line(&base, map[string]string{"prompt": fmt.Sprintf(" check %d", level), "completion": spaced(fmt.Sprintf("%d+%d", operand(level, r), operand(level, r)))})
			continue
		}
		line(&base, map[string]string{"prompt": spaced(fmt.Sprintf("%d+%d=", x, y)), "completion": spaced(fmt.Sprint(x + y))})
	}
	for i := range 600 {
		level := 1 + i%3
		x, y := operand(level, r), operand(level, r)
		line(&held, map[string]string{"problem": spaced(fmt.Sprintf("%d+%d=", x, y)), "answer": spaced(fmt.Sprint(x + y))})
	}
	if err := os.WriteFile(filepath.Join(dir, "base.jsonl"), []byte(base.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "held-out.jsonl"), []byte(held.String()), 0o644)
}

func operand(level int, r *rng.Stream) int {
	limit := 1
	for range level {
		limit *= 10
	}
	return 1 + r.IntN(limit-1)
}

func spaced(s string) string { return " " + strings.Join(strings.Split(s, ""), " ") }

func line(b *strings.Builder, row map[string]string) {
	text, err := json.Marshal(row)
	if err != nil {
		panic(err) // strings only
	}
	b.Write(text)
	b.WriteByte('\n')
}
