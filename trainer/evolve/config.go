package evolve

import (
	"errors"
	"io"

	"go.yaml.in/yaml/v4"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Config is the file of spar evolve.
type Config struct {
	Task      string `yaml:"task"`       // bin_packing or cap_set
	OutputDir string `yaml:"output_dir"` // holds the state and the best program

	Seed          uint64  `yaml:"seed"`
	Generations   int     `yaml:"generations"`
	Islands       int     `yaml:"islands"`
	PerIsland     int     `yaml:"per_island"`      // proposals to an island in a generation
	MigrateEvery  int     `yaml:"migrate_every"`   // generations; 0: never
	Inspirations  int     `yaml:"inspirations"`    // other programs shown to a proposer
	MaxProgramLen int     `yaml:"max_program_len"` // bytes
	Jobs          int     `yaml:"jobs"`            // programs that run at a time
	Timeout       float64 `yaml:"timeout"`         // of one program, seconds

	Model        string  `yaml:"model"`          // proposes edits; "": none
	ModelShare   float64 `yaml:"model_share"`    // of the proposals; the rest are random edits
	MaxNewTokens int     `yaml:"max_new_tokens"` // of an answer
	Temperature  float64 `yaml:"temperature"`
	TopP         float64 `yaml:"top_p"`
	Threads      int     `yaml:"threads"` // of the model; 0: all
}

// DefaultConfig has DefaultOptions and random edits only.
func DefaultConfig() Config {
	o := DefaultOptions()
	return Config{
		Generations: o.Generations, Islands: o.Islands, PerIsland: o.PerIsland, MigrateEvery: o.MigrateEvery, Inspirations: o.Inspirations,
		MaxProgramLen: o.MaxProgramLen, Jobs: o.Parallel, Timeout: 10, ModelShare: 1, MaxNewTokens: 512, Temperature: 1, TopP: 1,
	}
}

// maxConfig is the largest accepted config in bytes.
const maxConfig = 1 << 20

// ReadConfig reads a config strictly: a key that is not known, or given twice, is an error.
func ReadConfig(f fsys.FS, name string) (Config, error) {
	data, err := fsys.ReadFile(f, name, maxConfig)
	if err != nil {
		return Config{}, fault.Inputf("%w; name a config of evolve", err)
	}
	c := DefaultConfig()
	err = yaml.Load(data, &c, yaml.WithKnownFields(), yaml.WithUniqueKeys(), yaml.WithSingleDocument())
	if err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fault.Inputf("%s: %w", name, err)
	}
	if err := c.check(); err != nil {
		return Config{}, fault.Inputf("%s: %w", name, err)
	}
	return c, nil
}

func (c Config) check() error {
	switch {
	case c.OutputDir == "":
		return errors.New("output_dir is missing; name a directory for the state and the best program")
	case !(c.Timeout > 0 && c.Timeout <= 3600):
		return errors.New("timeout must be above 0 and at most 3600 seconds")
	case !(c.ModelShare >= 0 && c.ModelShare <= 1):
		return errors.New("model_share must be from 0 to 1")
	case c.MaxNewTokens < 1:
		return errors.New("max_new_tokens must be at least 1")
	case !(c.Temperature >= 0 && c.Temperature <= 100):
		return errors.New("temperature must be from 0 to 100")
	case !(c.TopP > 0 && c.TopP <= 1):
		return errors.New("top_p must be above 0 and at most 1")
	}
	if _, err := NewTask(c.Task); err != nil {
		return err
	}
	return c.options().check()
}

func (c Config) options() Options {
	return Options{Seed: c.Seed, Generations: c.Generations, Islands: c.Islands, PerIsland: c.PerIsland, MigrateEvery: c.MigrateEvery,
		Inspirations: c.Inspirations, Parallel: c.Jobs, MaxProgramLen: c.MaxProgramLen}
}
