package trainer

import (
	"context"
	"errors"
	"strings"

	"spar/internal/fault"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/policy"
	"spar/trainer/selfplay/game"
)

// A contest is play of a two-player zero-sum game by the policy against itself: outcomes are the only rewards, and each role has a baseline
// of its own (SPIRAL, arXiv 2506.24119).

// gamePose is what a player is asked.
const gamePose = "{rules}\n{position}\n"

// openGame finds the game.
func (r *run) openGame() (err error) {
	r.train = newCorpus("")
	r.game, err = game.New(r.c.Play.Game)
	return err
}

// contest is the draw of iteration t: records are plies, Group the game and Sample the ply.
func (r *run) contest(t int) draw {
	policyHash, _ := r.start(t)
	return draw{corpus: r.train, samples: r.c.Sampling.Samples, iteration: t, lane: trainLane, file: rolloutsName(t), policyHash: policyHash}
}

// compete plays the games of iteration t.
func (r *run) compete(ctx context.Context, t int) error {
	d := r.contest(t)
	inputs := r.drawInputs(d)
	inputs["games"] = hashText(r.c.Play.Game, r.c.Play.Proposals, r.c.Play.Pose)
	return r.do(ctx, stage{
		iteration: t, name: "sample", outputs: []string{d.file}, inputs: inputs,
		work: func(ctx context.Context, e *journal.Entry) error { return r.playGames(ctx, d, e) },
	})
}

func (r *run) playGames(ctx context.Context, d draw, e *journal.Entry) (err error) {
	w, err := r.createShard(d.file, r.header(d.policyHash, r.settings(d)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.abandon()) }()
	if w.w == nil {
		return nil // sealed by an earlier try
	}
	p, err := r.load(d.iteration)
	if err != nil {
		return err
	}
	player := r.player(p, d.iteration)
	match := game.Match{Game: r.game, Games: r.c.Play.Proposals, Seed: r.c.Seed + uint64(d.iteration)<<32, Players: [2]game.Player{player, player}}
	records, err := match.Play(ctx)
	if err != nil {
		return stopOr(ctx, err)
	}
	place := 0
	for _, rec := range records {
		for _, ply := range rec.Plies {
			e.Tokens += int64(len(ply.Response))
			if place++; place <= w.count { // written before a kill
				continue
			}
			if err := w.append(plyRecord(rec, ply)); err != nil {
				return err
			}
		}
	}
	return w.seal()
}

// plyRecord stores a ply: the verdict says whether the move was legal, the reward is the game's outcome for the one who moved.
func plyRecord(rec game.Record, p game.Ply) shard.Record {
	out := shard.Record{Group: p.Game, Sample: p.Ply, Prompt: p.Prompt, Response: p.Response, Logp: p.Logp, Finish: shard.FinishStop,
		Verdict: shard.VerdictFail, Reward: float32(rec.Return(p.Role)), Meta: []byte(p.State)}
	if p.Legal {
		out.Verdict = shard.VerdictPass
	}
	return out
}

// player is the policy of iteration t at the board.
func (r *run) player(p *policy.Policy, t int) game.Policy {
	s := r.c.Sampling
	enc := encoder{c: r.c, m: r.model, counts: map[string]int64{}}
	return game.Policy{
		Sampler: spoken{p, r},
		Encode: func(g game.Game, position game.State) ([]int32, error) {
			pose := r.c.Play.Pose
			if pose == "" {
				pose = gamePose
			}
			text := strings.NewReplacer("{rules}", g.Rules(), "{position}", g.Prompt(position)).Replace(pose)
			x, err := enc.posed(&task{problem: r.asked(text)}, "", "")
			if err == nil && len(x.prompt) >= r.c.MaxLength {
				err = fault.Inputf("the position takes %d tokens and max_length %d leaves no room for a move; raise max_length or shorten play.pose", len(x.prompt), r.c.MaxLength)
			}
			return x.prompt, err
		},
		Settings: policy.SampleRequest{MaxNewTokens: s.MaxNewTokens, Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP,
			StopIDs: r.stopIDs(), StopStrings: s.Stop, Seed: r.c.Seed, Iteration: t},
	}
}

// spoken is a policy whose completions have their text.
type spoken struct {
	*policy.Policy
	r *run
}

func (s spoken) Sample(ctx context.Context, rs []policy.SampleRequest, o policy.SampleOptions, on func(policy.Completion) error) error {
	return s.Policy.Sample(ctx, rs, o, func(c policy.Completion) error {
		c.Text = s.r.text(c.Tokens)
		return on(c)
	})
}

// readGames reads the games of an iteration back.
func (r *run) readGames(t int) ([]game.Record, error) {
	d := r.contest(t)
	m, err := r.readShard(d.file, r.header(d.policyHash, r.settings(d)))
	if err != nil {
		return nil, err
	}
	out := make([]game.Record, r.c.Play.Proposals)
	for i := range out {
		for ply := 0; ; ply++ {
			rec := m.at(i, ply)
			if rec.Sample == absent {
				break
			}
			p := game.Ply{Turn: game.Turn{Game: i, Ply: ply, State: game.State(rec.Meta)}, Role: r.game.Mover(game.State(rec.Meta)),
				Reply: game.Reply{Text: r.text(rec.Response), Prompt: rec.Prompt, Response: rec.Response, Logp: rec.Logp}, Legal: rec.Verdict == shard.VerdictPass}
			p.Move = game.ReadMove(p.Text)
			out[i].Plies = append(out[i].Plies, p)
			if out[i].Outcome = float64(rec.Reward); p.Role == game.Second {
				out[i].Outcome = -out[i].Outcome
			}
		}
	}
	return out, nil
}

// payGames gives every ply of iteration t its advantage over the role's baseline, which goes on from the iteration before.
func (r *run) payGames(ctx context.Context, t int) error {
	s := stage{iteration: t, name: "pay", books: true, outputs: []string{paidName(t)}, inputs: map[string]string{
		"rollouts": r.output(t, "sample", rolloutsName(t)), "before": r.output(t-1, "pay", paidName(t-1)), "settings": hashText(r.c.Play.Game),
	}}
	s.work = func(_ context.Context, e *journal.Entry) error {
		defer r.counted()()
		records, err := r.readGames(t)
		if err != nil {
			return err
		}
		baselines := r.baselines(t)
		var payments []payment
		ply := map[int]int{}
		for _, x := range game.Lessons(r.game, records, baselines) {
			payments = append(payments, payment{Role: x.Role.String(), Kind: r.game.Name(), Key: x.Game, Sample: ply[x.Game],
				Reward: records[x.Game].Return(x.Role), Advantage: x.Advantage})
			ply[x.Game]++
		}
		means := baselines.Means[r.game.Name()]
		e.Values["baseline/first"], e.Values["baseline/second"] = means[game.First], means[game.Second]
		if err := r.writePayments(t, payments); err != nil {
			return err
		}
		values := gameValues(game.Measure(game.NewSolver(r.game), records))
		r.logf("%s: %.1f %% of moves optimal where it matters (chance %.1f %%), %.1f %% illegal; first wins by %.2f", r.heading,
			100*values["game/optimal"], 100*values["game/chance"], 100*values["game/illegal"], values["game/first_return"])
		return r.metrics.Append(metrics.Record{Iteration: t, Step: r.stepsBefore(t), Values: values})
	}
	return r.do(ctx, s)
}

// baselines are those that the iteration before t ended with.
func (r *run) baselines(t int) *game.Baselines {
	b := &game.Baselines{Decay: game.DefaultDecay}
	if e, done := r.journal.Find(t-1, "pay"); done {
		b.Means = map[string][2]float64{r.game.Name(): {e.Values["baseline/first"], e.Values["baseline/second"]}}
	}
	return b
}

// gameValues are both roles together, by plies.
func gameValues(m [2]game.Measured) map[string]float64 {
	a, b := m[game.First], m[game.Second]
	share := func(first, second float64, n, k int) float64 {
		return (first*float64(n) + second*float64(k)) / float64(max(1, n+k))
	}
	return map[string]float64{
		"game/optimal": share(a.Optimal, b.Optimal, a.Decisive, b.Decisive), "game/chance": share(a.Chance, b.Chance, a.Decisive, b.Decisive),
		"game/illegal": share(a.Illegal, b.Illegal, a.Plies, b.Plies), "game/regret": share(a.Regret, b.Regret, a.Plies, b.Plies),
		"game/first_return": a.Return, "game/plies": float64(a.Plies+b.Plies) / float64(max(1, a.Games)),
	}
}
