package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader"
	"spar/loader/checkpoint"
)

type modelCmd struct {
	Inspect modelInspectCmd `cmd:"" help:"Architecture, tensors, tokenizer and memory of a model."`
	Convert modelConvertCmd `cmd:"" help:"Write a model of any format as a Hugging Face directory."`
	Diff    modelDiffCmd    `cmd:"" help:"Compare two models tensor by tensor; exit code 1 when they differ."`
}

type modelInspectCmd struct {
	Model string `arg:"" help:"Hugging Face directory or GGUF file." type:"path"`
	Scan  bool   `help:"Also read all weights and list tensors that hold NaN or infinite values or only zeros."`
	JSON  bool   `help:"One JSON object."`
}

// inspection is the JSON form of inspect.
type inspection struct {
	*checkpoint.Summary
	Unhealthy []checkpoint.TensorHealth `json:"unhealthy,omitempty"`
}

func (c *modelInspectCmd) Run(s streams) error {
	m, err := checkpoint.Open(c.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	var i inspection
	if i.Summary, err = checkpoint.Inspect(m); err != nil {
		return err
	}
	if c.Scan {
		if i.Unhealthy, err = checkpoint.Scan(m); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(i)
	}
	return i.print(s)
}

func (i inspection) print(s streams) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	cfg := i.Config
	fmt.Fprintf(w, "model\t%s (%s)\n", i.Path, i.Format)
	fmt.Fprintf(w, "architecture\t%s, %d layers of %d, %d heads (%d key/value) of %d, vocabulary %d\n",
		i.Architecture, cfg.NumLayers, cfg.HiddenSize, cfg.NumHeads, cfg.NumKVHeads, cfg.HeadDim, cfg.VocabSize)
	fmt.Fprintf(w, "parameters\t%d in %d tensors, stored as %s, %.1f MiB\n", i.Parameters, i.Tensors, strings.Join(slices.Sorted(maps.Keys(i.DTypes)), " and "), mib(i.StoredBytes))
	fmt.Fprintf(w, "tokenizer\t%s\n", i.Tokenizer)
	fmt.Fprintf(w, "chat template\t%.12s\n", orNone(i.TemplateHash))
	fmt.Fprintf(w, "memory\tscore %.1f MiB fp32, %.1f MiB bf16; train %.1f MiB AdamW, %.1f MiB RMSProp; %.1f KiB a cached token (estimates; spar plan is exact)\n",
		mib(i.Memory.ScoreF32), mib(i.Memory.ScoreBF16), mib(i.Memory.TrainAdamW), mib(i.Memory.TrainRMS), float64(i.Memory.KVPerToken)/1024)
	for _, text := range i.Warnings {
		fmt.Fprintf(w, "warning\t%s\n", text)
	}
	for _, t := range i.Unhealthy {
		fmt.Fprintf(w, "unhealthy\t%s: %d values not finite, all zero: %v\n", t.Name, t.NonFinite, t.AllZero)
	}
	return w.Flush()
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

type modelConvertCmd struct {
	From  string `arg:"" help:"Hugging Face directory or GGUF file." type:"path"`
	To    string `arg:"" help:"New directory." type:"path"`
	DType string `name:"dtype" help:"F32, F16 or BF16." default:"BF16" enum:"F32,F16,BF16"`
}

func (c *modelConvertCmd) Run(s streams) error {
	if err := checkpoint.Convert(fsys.OS, c.From, c.To, c.DType, loader.TokenizerJSON); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, c.To)
	return err
}

type modelDiffCmd struct {
	A    string `arg:"" help:"Model." type:"path"`
	B    string `arg:"" help:"Model." type:"path"`
	JSON bool   `help:"One JSON object."`
}

func (c *modelDiffCmd) Run(s streams) error {
	a, err := checkpoint.Open(c.A)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := checkpoint.Open(c.B)
	if err != nil {
		return err
	}
	defer b.Close()
	d, err := checkpoint.Diff(a, b)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(d)
	} else {
		err = printDiff(s, d)
	}
	if err == nil && !d.Equal() {
		err = exitStatus(fault.Failed)
	}
	return err
}

func printDiff(s streams, d *checkpoint.DiffReport) error {
	if d.Equal() {
		_, err := fmt.Fprintln(s.out, "equal")
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, list := range []struct {
		what  string
		lines []string
	}{{"config", d.Config}, {"only in the first", d.OnlyA}, {"only in the second", d.OnlyB}, {"shape", d.Shapes}} {
		for _, line := range list.lines {
			fmt.Fprintf(w, "%s\t%s\n", list.what, line)
		}
	}
	for _, t := range d.Tensors {
		fmt.Fprintf(w, "%s\t%d of %d differ\tlargest gap %.3g\trelative %.3g\n", t.Name, t.Differing, t.Elements, t.MaxAbs, t.MaxRel)
	}
	return w.Flush()
}
