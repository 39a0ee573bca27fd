package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"spar/trainer/journal"
	"spar/trainer/metrics"
)

func word(s string) cell { return cell{Text: s} }

func number(v float64) cell { return cell{Text: figure(v), Numeric: true} }

// figure prints four significant digits without an exponent for ordinary sizes.
func figure(v float64) string {
	a := math.Abs(v)
	switch {
	case v == math.Trunc(v) && a < 1e6:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 1e6 || a < 1e-4:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case a >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	decimals := 3 - int(math.Floor(math.Log10(a)))
	return strconv.FormatFloat(v, 'f', max(0, decimals), 64)
}

// headline has a row for each held-out value and a column for each policy.
func headline(es []metrics.Evaluation) table {
	names := map[string]bool{}
	for _, e := range es {
		for name := range e.Values {
			names[name] = true
		}
	}
	if len(names) == 0 {
		return table{}
	}
	t := table{Head: append([]string{"held-out"}, policyNames(es)...)}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		row := []cell{word(name)}
		for _, e := range es {
			if v, ok := e.Values[name]; ok {
				row = append(row, number(v))
			} else {
				row = append(row, cell{Numeric: true})
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// stageTable says where the wall time went.
func stageTable(entries []journal.Entry) table {
	total := 0.0
	for _, e := range entries {
		total += e.Seconds
	}
	if total == 0 {
		return table{}
	}
	t := table{Head: []string{"iteration", "stage", "seconds", "share", "tokens", "tokens/s"}}
	for _, e := range entries {
		row := []cell{number(float64(e.Iteration)), word(e.Stage), number(e.Seconds), share(e.Seconds / total), {Numeric: true}, {Numeric: true}}
		if e.Tokens > 0 && e.Seconds > 0 {
			row[4], row[5] = number(float64(e.Tokens)), number(float64(e.Tokens)/e.Seconds)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func share(x float64) cell {
	return cell{Text: fmt.Sprintf("%.1f %%", 100*x), Numeric: true, Bar: fmt.Sprintf("%.1f%%", 100*x)}
}

// opTable adds the engine's ops up over all stages.
func opTable(entries []journal.Entry) table {
	sums := map[string]journal.Op{}
	total := 0.0
	for _, e := range entries {
		for _, o := range e.Ops {
			s := sums[o.Name]
			sums[o.Name] = journal.Op{Name: o.Name, Calls: s.Calls + o.Calls, Seconds: s.Seconds + o.Seconds, Flops: s.Flops + o.Flops, Bytes: s.Bytes + o.Bytes}
			total += o.Seconds
		}
	}
	if total == 0 {
		return table{}
	}
	ops := slices.SortedFunc(maps.Values(sums), func(a, b journal.Op) int {
		if a.Seconds != b.Seconds {
			return map[bool]int{true: -1, false: 1}[a.Seconds > b.Seconds]
		}
		return strings.Compare(a.Name, b.Name)
	})
	t := table{Head: []string{"op", "calls", "seconds", "share", "GFLOP/s", "GB/s"}}
	for _, o := range ops {
		row := []cell{word(o.Name), number(float64(o.Calls)), number(o.Seconds), share(o.Seconds / total), {Numeric: true}, {Numeric: true}}
		if o.Seconds > 0 {
			row[4], row[5] = number(float64(o.Flops)/o.Seconds/1e9), number(float64(o.Bytes)/o.Seconds/1e9)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// countTable shows what was kept, excluded and cut.
func countTable(entries []journal.Entry) table {
	t := table{Head: []string{"iteration", "stage", "count", "rows"}}
	for _, e := range entries {
		for _, name := range slices.Sorted(maps.Keys(e.Counts)) {
			t.Rows = append(t.Rows, []cell{number(float64(e.Iteration)), word(e.Stage), word(name), number(float64(e.Counts[name]))})
		}
	}
	if len(t.Rows) == 0 {
		return table{}
	}
	return t
}

func configTable(l journal.Lineage) table {
	t := table{Head: []string{"key", "value"}}
	for _, k := range slices.Sorted(maps.Keys(l.Config)) {
		t.Rows = append(t.Rows, []cell{word(k), word(l.Config[k])})
	}
	return t
}

func lineageTable(l journal.Lineage) table {
	t := table{Head: []string{"what", "value"}}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []cell{word(name), word(value)})
		}
	}
	add("model", l.Model.Path)
	add("model hash", l.Model.Hash)
	add("tokenizer hash", l.Tokenizer)
	add("template hash", l.Template)
	add("training data", l.Train.Path)
	add("training data hash", l.Train.Hash)
	if l.Eval != nil {
		add("held-out data", l.Eval.Path)
		add("held-out data hash", l.Eval.Hash)
	}
	if l.ParentRun != nil {
		add("parent run", l.ParentRun.Path)
		add("parent run hash", l.ParentRun.Hash)
	}
	add("program hash", l.Binary)
	add("kernel family", strings.TrimSuffix(l.Kernels+", "+l.ChosenBy, ", "))
	add("precision", l.Precision)
	add("CPU", l.CPU)
	add("library build", l.Build)
	add("seed", strconv.FormatUint(l.Seed, 10))
	add("started", l.Started)
	return t
}
