package policy

import (
	"context"
	"testing"
	"time"

	"spar/internal/rng"
	"spar/loader"
	"spar/native"
)

// rollout is 64 prompts, 32 sequences of which fit into the pool at a time: new ones are admitted
// while others decode.
type rollout struct {
	name   string
	length func(i int) (prompt, response int)
}

// The two have the same tokens in sum.
var rollouts = []rollout{
	{"lockstep", func(int) (int, int) { return 64, 64 }},
	{"mixed", func(i int) (int, int) { return 16 + 32*(i%4), 16 + 32*(i/4%4) }},
}

func (r rollout) requests(vocabulary int) []SampleRequest {
	draw := rng.NewStream(3)
	rs := make([]SampleRequest, 64)
	for i := range rs {
		prompt, response := r.length(i)
		ids := make([]int32, prompt)
		for k := range ids {
			ids[k] = int32(draw.IntN(vocabulary))
		}
		rs[i] = SampleRequest{ID: i, Prompt: ids, Samples: 1, MaxNewTokens: response, Temperature: 1, TopP: 1, PromptKey: i}
	}
	return rs
}

// BenchmarkRollout compares a rollout of mixed lengths with one of equal lengths: new tokens a
// second, and the share of the time that no op runs: the steps' own work and the host.
//
//	go test ./trainer/policy -run '^$' -bench Rollout -benchtime 2x
func BenchmarkRollout(b *testing.B) {
	m, err := loader.Open("../../.deps/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
	if err != nil {
		b.Fatalf("%v: run scripts/fetch model", err)
	}
	defer m.Close()
	p := openPolicy(b, m, Options{Precision: native.BF16, MaxLength: 256})
	for _, r := range rollouts {
		b.Run(r.name, func(b *testing.B) {
			rs := r.requests(m.Config.VocabSize)
			if err := p.Context().StartProfile(true); err != nil {
				b.Fatal(err)
			}
			tokens := 0
			for b.Loop() {
				err := p.Sample(context.Background(), rs, SampleOptions{KVTokens: 32 * 128}, func(c Completion) error {
					tokens += len(c.Tokens)
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			ops, err := p.Context().ReadProfile()
			if err != nil {
				b.Fatal(err)
			}
			inside := time.Duration(0)
			for _, op := range ops {
				inside += time.Duration(op.TimeNs)
			}
			b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tok/s")
			b.ReportMetric(100*(1-inside.Seconds()/b.Elapsed().Seconds()), "%outside-ops")
		})
	}
}
