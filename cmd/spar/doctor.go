package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"spar/native"
	"spar/trainer/kernels"
	"spar/trainer/policy"
)

type doctorCmd struct {
	engineFlags
	JSON bool `help:"One JSON object."`
}

// diagnosis is what doctor found.
type diagnosis struct {
	Version     string         `json:"version"`
	Go          string         `json:"go"`
	CPU         string         `json:"cpu"`
	CPUs        int            `json:"cpus"` // that this process may use
	Backend     string         `json:"backend"`
	Build       string         `json:"build"`
	LibraryHash string         `json:"library_sha256"`
	ISAs        []string       `json:"isas"`
	FP32        kernels.Choice `json:"fp32"`
	BF16        kernels.Choice `json:"bf16"`
	FreeMB      int64          `json:"available_mb"`
	FP32GFlops  float64        `json:"fp32_gflop_s"`
	BF16GFlops  float64        `json:"bf16_gflop_s"` // of the family's own bf16 products
	ReadGBS     float64        `json:"read_gb_s"`
	CopyGBS     float64        `json:"copy_gb_s"`
	UpdateGBS   float64        `json:"update_gb_s"`
	Verifiers   verifierState  `json:"verifiers"`
}

func (c *doctorCmd) Run(s streams) error {
	d, err := c.diagnose()
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(d)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "spar\t%s, %s\n", d.Version, d.Go)
	fmt.Fprintf(w, "cpu\t%s, %d usable\n", d.CPU, d.CPUs)
	fmt.Fprintf(w, "library\t%s %s, sha256 %.12s\n", d.Backend, d.Build, d.LibraryHash)
	fmt.Fprintf(w, "kernels\t%s\n", strings.Join(d.ISAs, ", "))
	for _, c := range []struct {
		precision string
		choice    kernels.Choice
	}{{"fp32", d.FP32}, {"bf16", d.BF16}} {
		fmt.Fprintf(w, "%s\t%v\n", c.precision, c.choice)
		for _, f := range c.choice.Figures {
			fmt.Fprintf(w, "\t%-10s  %6.2f ms for 256 rows, %6.3f ms for 8\n", f.Family, f.Training, f.Decode)
		}
	}
	if d.FP32.Note != "" {
		fmt.Fprintf(w, "note\t%s\n", d.FP32.Note)
	}
	fmt.Fprintf(w, "memory\t%d MiB available\n", d.FreeMB)
	fmt.Fprintf(w, "limits of %s\t%.0f GFLOP/s fp32, %.0f bf16; %.1f GB/s read, %.1f copy, %.1f update\n", d.BF16.Family, d.FP32GFlops, d.BF16GFlops, d.ReadGBS, d.CopyGBS, d.UpdateGBS)
	d.Verifiers.print(w)
	return w.Flush()
}

func (c *doctorCmd) diagnose() (*diagnosis, error) {
	lib, err := native.Open(native.Options{Path: c.Library})
	if err != nil {
		return nil, err
	}
	fp32, err := kernels.Choose(lib, native.FP32, c.ISA)
	if err != nil {
		return nil, err
	}
	bf16, err := kernels.Choose(lib, native.BF16, c.ISA)
	if err != nil {
		return nil, err
	}
	engine, err := lib.OpenContext(native.ContextConfig{Threads: c.Threads, ISA: bf16.Family})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	probe, err := engine.Probe(500 * time.Millisecond)
	if err != nil {
		return nil, err
	}
	free, err := policy.Available()
	if err != nil {
		return nil, err
	}
	info := lib.Info()
	return &diagnosis{
		Version: version(), Go: runtime.Version(), CPU: info.CPU, CPUs: info.CPUCount, Backend: info.Backend, Build: info.Build,
		LibraryHash: info.Hash, ISAs: info.ISAs, FP32: fp32, BF16: bf16, FreeMB: free >> 20, FP32GFlops: probe.FP32GFlops, BF16GFlops: probe.BF16GFlops,
		ReadGBS: probe.ReadGBPerSec, CopyGBS: probe.CopyGBPerSec, UpdateGBS: probe.UpdateGBPerSec,
		Verifiers: inspectVerifiers(),
	}, nil
}
