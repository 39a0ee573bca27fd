package prove

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"spar/internal/rng"
	"spar/loader"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/objective"
	"spar/trainer/policy"
)

// student is a tiny Llama-shaped transformer in the engine, trained as the trainer trains large ones.
type student struct {
	policy *policy.Policy
	model  *loader.Model
	dir    string
	stop   int32 // the id that ends a response
}

// shape of a student.
type shape struct {
	vocabulary, width, layers, positions int
	stop                                 int32
}

func newStudent(o Options, s shape, seed uint64) (_ *student, err error) {
	dir, err := os.MkdirTemp("", "spar-prove-")
	if err != nil {
		return nil, err
	}
	out := &student{dir: dir, stop: s.stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.close())
		}
	}()
	data, err := json.Marshal(map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "vocab_size": s.vocabulary, "hidden_size": s.width,
		"num_hidden_layers": s.layers, "num_attention_heads": s.width / 16, "num_key_value_heads": s.width / 16, "intermediate_size": 2 * s.width,
		"max_position_embeddings": s.positions, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false,
		"attention_bias": false, "mlp_bias": false, "eos_token_id": s.stop, "torch_dtype": "float32",
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o600); err != nil {
		return nil, err
	}
	if out.model, err = loader.OpenConfigOnly(dir); err != nil {
		return nil, err
	}
	out.policy, err = policy.Open(o.Library, out.model, policy.Options{Precision: native.FP32, Threads: o.Threads, Trainable: true, RandomSeed: seed})
	return out, err
}

func (s *student) close() error {
	var err error
	if s.policy != nil {
		err = s.policy.Close()
	}
	if s.model != nil {
		err = errors.Join(err, s.model.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// weights are copied out, to come back to.
func (s *student) weights() [][]float32 {
	var out [][]float32
	for _, t := range s.policy.Tensors() {
		out = append(out, append([]float32(nil), t.Data...))
	}
	return out
}

func (s *student) restore(weights [][]float32) error {
	for i, t := range s.policy.Tensors() {
		copy(t.Data, weights[i])
	}
	return s.policy.Reload()
}

// row is a prompt with its responses; what they mean depends on the loss.
type row struct {
	prompt    []int32
	responses [][]int32
}

func groups(rows []row) []pack.Group {
	out := make([]pack.Group, len(rows))
	for i, r := range rows {
		out[i] = pack.Group{Key: i, Prompt: r.prompt, Responses: r.responses}
	}
	return out
}

// sums are the log-probs of the responses of each row.
func (s *student) sums(ctx context.Context, rows []row) ([][]float64, error) {
	scored, err := s.policy.Score(ctx, groups(rows), policy.ScoreOptions{})
	out := make([][]float64, len(scored))
	for i, x := range scored {
		out[i] = x.Sums()
	}
	return out, err
}

// sample draws n responses for each prompt; temperature 0 is greedy.
func (s *student) sample(ctx context.Context, prompts [][]int32, n, longest int, temperature float64, seed uint64) ([][][]int32, error) {
	out := make([][][]int32, len(prompts))
	requests := make([]policy.SampleRequest, len(prompts))
	for i, p := range prompts {
		out[i] = make([][]int32, n)
		requests[i] = policy.SampleRequest{ID: i, Prompt: p, Samples: n, MaxNewTokens: longest, Temperature: temperature, TopP: 1,
			StopIDs: []int32{s.stop}, Seed: seed, PromptKey: i}
	}
	err := s.policy.Sample(ctx, requests, policy.SampleOptions{}, func(c policy.Completion) error {
		out[c.ID][c.Sample] = c.Tokens
		return nil
	})
	return out, err
}

// training is a phase with an AdamW of its own.
type training struct {
	steps, batch int
	rate         float64
}

// weigher gives dLoss/dlp of the responses of the rows of a step, which it gets by their numbers.
type weigher func(of []int, sums [][]float64) [][]float64

// run is a phase from a fresh optimizer.
func (s *student) run(ctx context.Context, t training, rows []row, seed uint64, weigh weigher) error {
	if err := s.begin(); err != nil {
		return err
	}
	return s.steps(ctx, t, rows, seed, weigh)
}

func (s *student) begin() error {
	return s.policy.OpenOptimizer(native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8})
}

// steps takes the steps of a phase over rows in shuffled passes.
func (s *student) steps(ctx context.Context, t training, rows []row, seed uint64, weigh weigher) error {
	r := rng.NewStream(seed, 0x747261)
	var order []int
	for range t.steps {
		if len(order) < t.batch {
			order = append(order, r.Perm(len(rows))...)
			for len(order) < t.batch {
				order = append(order, r.Perm(len(rows))...)
			}
		}
		of := order[:t.batch]
		order = order[t.batch:]
		part := make([]row, len(of))
		for i, n := range of {
			part[i] = rows[n]
		}
		err := s.policy.Accumulate(ctx, groups(part), 1<<20, func(_ int, scored []policy.Scored) ([][]policy.Coef, error) {
			sums := make([][]float64, len(scored))
			for i, x := range scored {
				sums[i] = x.Sums()
			}
			return policy.PerResponse(weigh(of, sums)), nil
		})
		if err != nil {
			return err
		}
		if _, err := s.policy.Step(t.rate, 1); err != nil {
			return err
		}
	}
	return nil
}

// likelihood trains on the first response of each row: the mean loss of a token, as sft.
func (s *student) likelihood(ctx context.Context, t training, rows []row, seed uint64) error {
	o, err := newObjective("sft", func(*objective.Params) {})
	if err != nil {
		return err
	}
	return s.run(ctx, t, rows, seed, func(of []int, sums [][]float64) [][]float64 {
		batch, results, weight := make([]objective.Example, len(of)), make([]objective.Result, len(of)), 0.0
		for i, n := range of {
			batch[i] = objective.Example{LpReal: sums[i][0], LenReal: len(rows[n].responses[0])}
			weight += o.Weight(batch[i])
		}
		o.Evaluate(batch, results)
		coef := make([][]float64, len(of))
		for i, r := range results {
			coef[i] = make([]float64, len(sums[i]))
			coef[i][0] = r.DReal / weight
		}
		return coef
	})
}

// pairs trains on rows of two responses, the first to move towards, with the policy as it is now as the reference.
func (s *student) pairs(ctx context.Context, t training, o objective.Objective, rows []row, seed uint64) error {
	reference, err := s.sums(ctx, rows)
	if err != nil {
		return err
	}
	return s.run(ctx, t, rows, seed, func(of []int, sums [][]float64) [][]float64 {
		batch, results := make([]objective.Example, len(of)), make([]objective.Result, len(of))
		for i, n := range of {
			batch[i] = objective.Example{LpReal: sums[i][0], LpGen: sums[i][1], RefReal: reference[n][0], RefGen: reference[n][1],
				LenReal: len(rows[n].responses[0]), LenGen: len(rows[n].responses[1])}
		}
		o.Evaluate(batch, results)
		coef := make([][]float64, len(of))
		for i, r := range results {
			coef[i] = []float64{r.DReal / float64(len(of)), r.DGen / float64(len(of))}
		}
		return coef
	})
}
