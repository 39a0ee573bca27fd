package game

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"spar/loader"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/objective"
	"spar/trainer/policy"
)

// The learner's tokens are bytes, as few as the prompts and moves of Nim need.
const alphabet = "\x00\n:nimabc 0123456789"

const endID = 1

const learnerConfig = `{"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":20,"hidden_size":64,
"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":4,"intermediate_size":128,
"max_position_embeddings":32,"rms_norm_eps":1e-5,"rope_theta":10000.0,"tie_word_embeddings":false,"hidden_act":"silu",
"bos_token_id":0,"eos_token_id":1,"torch_dtype":"float32"}`

func encode(text string) []int32 {
	var ids []int32
	for i := range len(text) {
		for id := range len(alphabet) {
			if alphabet[id] == text[i] {
				ids = append(ids, int32(id))
			}
		}
	}
	return ids
}

// spelling gives completions of a model without tokenizer their text.
type spelling struct{ *policy.Policy }

func (s spelling) Sample(ctx context.Context, rs []policy.SampleRequest, o policy.SampleOptions, on func(policy.Completion) error) error {
	return s.Policy.Sample(ctx, rs, o, func(c policy.Completion) error {
		for _, id := range c.Tokens {
			if id != endID {
				c.Text += string(alphabet[id])
			}
		}
		return on(c)
	})
}

// learner is a tiny random model that plays Nim.
type learner struct {
	*testing.T
	policy *policy.Policy
	game   Game
	solver *Solver
}

func newLearner(t *testing.T, g Game) learner {
	t.Helper()
	if !json.Valid([]byte(learnerConfig)) || len(alphabet) != 20 {
		t.Fatal("the learner's config does not fit its alphabet")
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(learnerConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := loader.OpenConfigOnly(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	lib, err := native.Open(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Open(lib, m, policy.Options{Trainable: true, Threads: 2, RandomSeed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if err := p.OpenOptimizer(native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8}); err != nil {
		t.Fatal(err)
	}
	return learner{t, p, g, NewSolver(g)}
}

func (l learner) player(iteration int, temperature float64) Policy {
	return Policy{
		Sampler:  spelling{l.policy},
		Encode:   func(g Game, s State) ([]int32, error) { return encode(g.Prompt(s)), nil },
		Settings: policy.SampleRequest{MaxNewTokens: 4, Temperature: temperature, TopP: 1, StopIDs: []int32{endID}, Seed: 5, Iteration: iteration},
		Capacity: policy.SampleOptions{MaxRows: 512, KVTokens: 4096},
	}
}

// step takes one optimizer step on lessons.
func (l learner) step(algorithm string, lr float64, lessons []Lesson) {
	l.Helper()
	rule, err := objective.NewPolicyGradient(algorithm, objective.DefaultGradient())
	if err != nil {
		l.Fatal(err)
	}
	groups, draws := make([]pack.Group, len(lessons)), make([]objective.Draw, len(lessons))
	for i, x := range lessons {
		groups[i] = pack.Group{Key: i, Prompt: x.Prompt, Responses: [][]int32{x.Response}}
		draws[i] = objective.Draw{Logp: make([]float64, len(x.Response)), Advantage: x.Advantage}
	}
	size := rule.Count(draws)
	err = l.policy.Accumulate(context.Background(), groups, 0, func(first int, scored []policy.Scored) ([][]policy.Coef, error) {
		part := draws[first : first+len(scored)]
		for i, s := range scored {
			for t, logp := range s.Logp[0] {
				part[i].Logp[t] = float64(logp)
			}
		}
		results := make([]objective.TokenResult, len(part))
		rule.EvaluatePart(size, part, results)
		coef := make([][]policy.Coef, len(part))
		for i, r := range results {
			coef[i] = []policy.Coef{r.Coef}
		}
		return coef, nil
	})
	if err == nil {
		_, err = l.policy.Step(lr, 1)
	}
	if err != nil {
		l.Fatal(err)
	}
}

// showRules teaches how moves are written: likelihood of moves that a random player made, good and bad alike.
func (l learner) showRules(steps int) {
	l.Helper()
	random := Random{Seed: 11}
	for i := range steps {
		var lessons []Lesson
		for _, r := range play(l.T, Match{Game: l.game, Games: 24, Seed: uint64(1000 * (i + 1)), Players: [2]Player{random, random}}) {
			for _, p := range r.Plies {
				lessons = append(lessons, Lesson{Prompt: encode(l.game.Prompt(p.State)), Response: append(encode(p.Move), endID), Advantage: 1})
			}
		}
		l.step("rft", 3e-3, lessons)
	}
}

// examine is the greedy play in every decisive position that can come up.
func (l learner) examine() Measured {
	l.Helper()
	m, err := Examine(context.Background(), l.solver, l.player(0, 0), reachable(l.game))
	if err != nil {
		l.Fatal(err)
	}
	return m
}

// TestSelfPlayLearnsNim: a tiny policy that knows only how moves are written plays itself, is paid by outcomes alone, and comes to play
// optimally. Nothing here ever tells it what a good move is.
func TestSelfPlayLearnsNim(t *testing.T) {
	l := newLearner(t, newGame(t, "nim:2,3"))
	l.showRules(150)
	against := func() Measured {
		p := l.player(1<<20, 1)
		return Measure(l.solver, play(t, Match{Game: l.game, Games: 256, Seed: 77, Players: [2]Player{p, Random{Seed: 4}}}))[First]
	}
	before, played := l.examine(), against()
	t.Logf("knows the rules: greedy, %.2f optimal of %d decisive positions; sampled, %.2f where chance is %.2f, illegal %.2f, return against random %.2f",
		before.Optimal, before.Decisive, played.Optimal, played.Chance, played.Illegal, played.Return)
	if played.Illegal > 0.1 || math.Abs(played.Optimal-played.Chance) > 0.12 {
		t.Errorf("the start is not a random legal player: %+v", played)
	}

	b := &Baselines{Decay: DefaultDecay}
	for i := range 100 {
		p := l.player(i, 1)
		records := play(t, Match{Game: l.game, Games: 128, Seed: uint64(1000 * (1000 + i)), Players: [2]Player{p, p}})
		l.step("reinforce", 5e-4, Lessons(l.game, records, b))
	}
	after, now := l.examine(), against()
	t.Logf("after self-play: greedy, %.2f optimal, illegal %.2f; sampled, %.2f optimal, illegal %.2f, return against random %.2f; baselines %.2f",
		after.Optimal, after.Illegal, now.Optimal, now.Illegal, now.Return, b.Means[l.game.Name()])
	if after.Optimal < before.Optimal+0.3 || now.Optimal < played.Optimal+0.35 || now.Return < played.Return+0.3 {
		t.Errorf("optimal moves went from %.2f to %.2f greedy and from %.2f to %.2f sampled, the return from %.2f to %.2f",
			before.Optimal, after.Optimal, played.Optimal, now.Optimal, played.Return, now.Return)
	}
}

// TestGamesAreDrawnAlone: what a policy plays in a game depends on the seed, the iteration and the game, not on those beside it.
func TestGamesAreDrawnAlone(t *testing.T) {
	l := newLearner(t, newGame(t, "nim:2,3"))
	l.showRules(20)
	games := func(n, iteration int) []Record {
		p := l.player(iteration, 1)
		return play(t, Match{Game: l.game, Games: n, Seed: 3, Players: [2]Player{p, p}})
	}
	all := games(12, 0)
	if few := games(5, 0); !reflect.DeepEqual(few, all[:5]) {
		t.Error("five games alone are played unlike among twelve")
	}
	if reflect.DeepEqual(games(12, 1), all) {
		t.Error("another iteration plays the same games")
	}
	for _, r := range all {
		for _, p := range r.Plies {
			if len(p.Logp) != len(p.Response) || len(p.Prompt) == 0 {
				t.Fatalf("a ply without what learning needs: %+v", p)
			}
		}
	}
}
