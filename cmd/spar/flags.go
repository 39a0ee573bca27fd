package main

import (
	"io"
	"os"
	"runtime/debug"

	"github.com/pkg/profile"

	"spar/internal/fault"
	"spar/trainer/tool"
)

// engineFlags choose how the native engine computes.
type engineFlags struct {
	Threads int    `help:"Threads; 0 takes what the process may use." default:"0"`
	ISA     string `help:"Kernel family: ref, base, avx2, avx512, avx512bf16 or amx; empty takes the winner of a race on this machine." default:"" placeholder:"FAMILY" enum:",ref,base,avx2,avx512,avx512bf16,amx"`
	Library string `help:"Native library to load instead of the embedded one." type:"path" placeholder:"FILE"`
}

// modelFlags open a model for computing.
type modelFlags struct {
	engineFlags
	Model         string `required:"" help:"Hugging Face directory or GGUF file." type:"path" placeholder:"MODEL"`
	Precision     string `help:"fp32 or bf16; empty follows the stored weights." default:"" placeholder:"PRECISION" enum:",fp32,bf16"`
	RandomWeights bool   `help:"Take the config only and draw the weights (for measuring)."`
}

func (f modelFlags) options() tool.ModelOptions {
	return tool.ModelOptions{
		Path: f.Model, Precision: f.Precision, Threads: f.Threads, ISA: f.ISA, Library: f.Library, RandomWeights: f.RandomWeights,
	}
}

// profileFlag adds --profile to a long verb.
type profileFlag struct {
	Profile string `help:"Write a Go profile (cpu, heap, mutex or trace) into the working directory." placeholder:"KIND" default:"" enum:",cpu,heap,mutex,trace"`
}

// start begins profiling into the working directory; call the result when done. The signal hook of
// the package stays off: SIGINT must save the run first.
func (f profileFlag) start() (stop func()) {
	mode := map[string]func(*profile.Profile){
		"cpu": profile.CPUProfile, "heap": profile.MemProfileHeap, "mutex": profile.MutexProfile, "trace": profile.TraceProfile,
	}[f.Profile]
	if mode == nil {
		return func() {}
	}
	return profile.Start(mode, profile.NoShutdownHook, profile.ProfilePath("."), profile.Quiet).Stop
}

// openInput opens a file of JSON lines; "-" is standard input.
func openInput(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Inputf("%w; name a file of JSON lines, or - for standard input", err)
	}
	return f, nil
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
