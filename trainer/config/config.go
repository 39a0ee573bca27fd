// Package config is a training run's configuration: one plain struct, read from strict YAML,
// defaulted once, validated once, then never changed.
//
//	c, err := config.Load("train.yaml")
//	fmt.Print(c.Render())
//
// Leaf names are those of TRL and Transformers where they have one. Each field's tags are its whole
// specification: `yaml` the key, `default` the value when absent, `oneof` the words or `range` the
// interval that it may take, `doc` one line for the printed config, and `fixed:"no"` for keys that may
// differ when a run is continued because no result depends on them or the run keeps what it began with. A Config is safe for concurrent
// reading.
package config

import (
	"math"
	"strconv"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Config holds every key of a run. Paths are relative to the working directory.
type Config struct {
	Model     string `yaml:"model" required:"yes" doc:"Hugging Face directory or GGUF file"`
	Algorithm string `yaml:"algorithm" required:"yes" oneof:"spin chi2 space tspin dpo sft star rest rest_em rft vstar play" doc:"what is trained"`

	Iterations     int          `yaml:"iterations" default:"1" range:"[1,1000]" doc:"rounds; the opponent is re-frozen and the optimizer starts anew in each"`
	Beta           PerIteration `yaml:"beta" default:"0.1" range:"(0,1000]" doc:"scale of the log-ratio, one number or one per iteration"`
	LossType       string       `yaml:"loss_type" default:"sigmoid" oneof:"sigmoid hinge exp linear ipo robust cdpo simpo sppo_hard kto" doc:"link of spin, or variant of dpo"`
	C              float64      `yaml:"c" default:"0.5" range:"(0,1e6]" doc:"chi2: weight of the squared rewards"`
	Alpha          float64      `yaml:"alpha" default:"0.5" range:"[0,1]" doc:"chi2: share of real responses in the regulariser"`
	Tau            float64      `yaml:"tau" default:"0" range:"[0,1e6]" doc:"chi2: target of the log-ratio in nats, instead of c; 0: use c"`
	Huber          bool         `yaml:"huber" default:"false" doc:"chi2: linear tail beyond twice the target"`
	Mu             float64      `yaml:"mu" default:"1" range:"(0,1e6]" doc:"space: ratio of generated to real"`
	Gamma          float64      `yaml:"gamma" default:"0.5" range:"[0,1e6]" doc:"simpo: target margin"`
	Anchor         float64      `yaml:"anchor_weight" default:"1" range:"[0,1e6]" doc:"tspin: weight of the term that anchors to the first policy"`
	LabelSmoothing float64      `yaml:"label_smoothing" default:"0" range:"[0,0.5)" doc:"cdpo and robust: assumed share of flipped labels"`
	SFTWeight      float64      `yaml:"sft_weight" default:"0" range:"[0,1e6]" doc:"pairs: adds this times the mean token loss of the real response"`
	Desirable      float64      `yaml:"desirable_weight" default:"1" range:"(0,1e6]" doc:"kto: weight of chosen responses"`
	Undesirable    float64      `yaml:"undesirable_weight" default:"1" range:"(0,1e6]" doc:"kto: weight of rejected responses"`

	Data               Data        `yaml:"data"`
	Shuffle            bool        `yaml:"shuffle" default:"true" doc:"new order in every epoch, from the seed"`
	MaxLength          int         `yaml:"max_length" default:"1024" range:"[2,1048576]" doc:"tokens of prompt and response together"`
	LongPrompts        string      `yaml:"long_prompts" default:"error" oneof:"error exclude keep_end" doc:"a prompt that leaves no room for a response"`
	TruncatedResponses string      `yaml:"truncated_responses" default:"exclude" oneof:"exclude keep" doc:"a data response cut by max_length"`
	TruncatedSamples   string      `yaml:"truncated_samples" default:"exclude" oneof:"exclude keep" doc:"a generated response that ran out of tokens"`
	MixPrevious        bool        `yaml:"mix_previous" default:"false" doc:"add the pairs of the iteration before, re-scored under the current opponent"`
	Preferences        Preferences `yaml:"preferences"`
	Sampling           Sampling    `yaml:"sampling"`
	Verifier           Verifier    `yaml:"verifier"`
	Selection          Selection   `yaml:"selection"`
	Play               Play        `yaml:"play"`

	BatchSize         int          `yaml:"per_device_train_batch_size" default:"8" range:"[1,1048576]" doc:"pairs (sft: responses) of a micro-batch"`
	TokensPerBatch    int          `yaml:"tokens_per_batch" default:"0" range:"[0,4194304]" doc:"micro-batches by tokens instead; 0: by pairs"`
	AccumulationSteps int          `yaml:"gradient_accumulation_steps" default:"1" range:"[1,1048576]" doc:"micro-batches of one optimizer step"`
	DropLast          bool         `yaml:"dataloader_drop_last" default:"false" doc:"leave out the last, smaller step of an epoch"`
	Optim             string       `yaml:"optim" default:"adamw" oneof:"adamw rmsprop" doc:"optimizer"`
	LearningRate      PerIteration `yaml:"learning_rate" default:"5e-7" range:"[0,10]" doc:"peak, one number or one per iteration"`
	Scheduler         string       `yaml:"lr_scheduler_type" default:"linear" oneof:"constant linear cosine" doc:"decay after warm-up"`
	WarmupRatio       float64      `yaml:"warmup_ratio" default:"0.1" range:"[0,1]" doc:"share of an iteration's steps"`
	WeightDecay       float64      `yaml:"weight_decay" default:"0" range:"[0,10]" doc:"on matrices only"`
	MaxGradNorm       float64      `yaml:"max_grad_norm" default:"1" range:"[0,1e9]" doc:"0: off"`
	Epochs            float64      `yaml:"num_train_epochs" default:"1" range:"(0,100000]" doc:"of an iteration"`
	MaxSteps          int          `yaml:"max_steps" default:"0" range:"[0,1000000000]" doc:"of an iteration, instead of epochs; 0: by epochs"`
	AdamBeta1         float64      `yaml:"adam_beta1" default:"0.9" range:"[0,1)" doc:"adamw"`
	AdamBeta2         float64      `yaml:"adam_beta2" default:"0.999" range:"[0,1)" doc:"adamw"`
	AdamEpsilon       float64      `yaml:"adam_epsilon" default:"1e-8" range:"(0,1]" doc:"adamw and rmsprop"`
	RMSPropAlpha      float64      `yaml:"rmsprop_alpha" default:"0.99" range:"[0,1)" doc:"rmsprop"`

	Precision string   `yaml:"precision" default:"auto" oneof:"auto bf16 fp32" doc:"of the matrices in products; auto: bf16 when stored so, else fp32"`
	Backend   string   `yaml:"backend" default:"cpu" oneof:"cpu cuda twin torch" doc:"compute library"`
	Kernels   string   `yaml:"kernels" default:"auto" oneof:"auto ref base avx2 avx512 avx512bf16 amx" fixed:"no" doc:"kernel family of a new run; auto: the winner of a race on this machine"`
	Seed      uint64   `yaml:"seed" default:"0" doc:"of order and sampling"`
	Threads   int      `yaml:"threads" default:"0" range:"[0,4096]" fixed:"no" doc:"0: every CPU this process may use"`
	SaveSteps int      `yaml:"save_steps" default:"50" range:"[0,1000000000]" fixed:"no" doc:"steps between checkpoints; 0: at the end only"`
	Eval      Eval     `yaml:"eval"`
	Limits    Limits   `yaml:"limits"`
	Observer  Observer `yaml:"observer"`
	OutputDir string   `yaml:"output_dir" default:"runs/spar" fixed:"no" doc:"run directory"`

	keyAt map[string]position // where a key was given, for messages
	name  string              // the file
}

// Data names the data sets.
type Data struct {
	Train   string `yaml:"train" doc:"JSONL (.gz, .zst) or Parquet"`
	Eval    string `yaml:"eval" doc:"held-out rows; empty: no evaluation"`
	SkipBad int    `yaml:"skip_bad" default:"0" range:"[0,1000000000]" doc:"bad lines that may be left out"`
}

// Sampling is how responses are drawn.
type Sampling struct {
	Temperature  float64  `yaml:"temperature" default:"1" range:"[0,100]" doc:"0: greedy"`
	TopP         float64  `yaml:"top_p" default:"1" range:"(0,1]" doc:"1: off"`
	TopK         int      `yaml:"top_k" default:"0" range:"[0,16777216]" doc:"0: off"`
	MinP         float64  `yaml:"min_p" default:"0" range:"[0,1)" doc:"0: off"`
	MaxNewTokens int      `yaml:"max_new_tokens" default:"256" range:"[1,1048576]" doc:"longest response"`
	Samples      int      `yaml:"samples_per_prompt" default:"1" range:"[1,1024]" doc:"responses drawn for each prompt"`
	StopDecided  bool     `yaml:"stop_decided" default:"false" doc:"verified loops: end a prompt's draws once they decide: both outcomes in a group of grpo or dr_grpo, selection.max_per_prompt responses that are kept"`
	Stop         []string `yaml:"stop" doc:"texts that end a response, besides the model's stop ids"`
}

// Eval is the held-out evaluation after each iteration.
type Eval struct {
	MaxPrompts int `yaml:"max_prompts" default:"256" range:"[0,16777216]" doc:"rows of data.eval used; 0: all"`
	Samples    int `yaml:"samples" default:"1" range:"[1,1024]" doc:"verified loops: responses drawn for each prompt"`
	Examples   int `yaml:"examples" default:"8" range:"[0,1000]" doc:"samples shown in the report"`
}

// PerIteration is one number for all iterations or one for each.
type PerIteration []float64

// At is the value in an iteration, from 0.
func (p PerIteration) At(iteration int) float64 {
	if len(p) == 1 {
		return p[0]
	}
	return p[iteration]
}

type position struct{ line, column int }

// SelfPlay reports whether the algorithm samples its own negatives.
func (c *Config) SelfPlay() bool {
	switch c.Algorithm {
	case "spin", "chi2", "space", "tspin":
		return true
	}
	return false
}

// StepsAt is max_steps in an iteration.
func (c *Config) StepsAt(iteration int) int {
	return int(math.Round(float64(c.MaxSteps) * math.Pow(c.Selection.StepsGrowth, float64(iteration))))
}

// Load reads and checks a config file. The error, class fault.Input, lists every problem found, each with
// file, line and column.
func Load(path string) (*Config, error) {
	data, err := fsys.ReadFile(fsys.OS, path, 1<<20)
	if err != nil {
		return nil, fault.Inputf("config: %w", err)
	}
	return Parse(data, path)
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
