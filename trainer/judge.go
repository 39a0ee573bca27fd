package trainer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"spar/internal/fault"
	"spar/loader/shard"
	"spar/trainer/selfplay/family"
	"spar/trainer/verify"
	"spar/trainer/verify/program"
)

// openVerifiers opens those that the config and the rows name, so that one that is not there is known before anything runs.
func (r *run) openVerifiers() error {
	if !r.c.Verified() {
		return nil
	}
	r.verifiers = map[string]verify.Verifier{}
	names := r.familyVerifiers()
	if r.c.Verifier.Name != "none" {
		names = append(names, r.c.Verifier.Name)
	}
	if r.c.Verifier.Audit != "" {
		names = append(names, r.c.Verifier.Audit)
	}
	for _, c := range []*corpus{r.train, r.held} {
		if c == nil {
			continue
		}
		for _, x := range c.examples {
			if x.task.verifier != "" {
				names = append(names, x.task.verifier)
			}
		}
	}
	if r.c.Sampling.StopDecided && slices.Contains(names, "majority") {
		return fault.Inputf("sampling.stop_decided: a majority needs all responses to a prompt, and a row names that verifier; set it to false")
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		v, err := verify.Open(r.verifierSpec(name), verify.Options{Programs: program.Opener(r.jail)})
		if err != nil {
			return fmt.Errorf("verifier %s: %w", name, err)
		}
		r.verifiers[name] = v
	}
	return nil
}

func (r *run) verifierSpec(name string) verify.Spec {
	v := r.c.Verifier
	return verify.Spec{Name: name, Pattern: v.Pattern, Command: v.Command, Timeout: time.Duration(v.Timeout * float64(time.Second)),
		MemoryMB: v.MemoryMB, Tolerance: v.Tolerance, Threshold: v.Threshold, Splitter: v.Splitter, Aggregate: v.Aggregate}
}

// verifierSettings is the hash of the config keys that a verdict depends on.
func (r *run) verifierSettings() string {
	var parts []any
	for key, value := range r.c.Values() {
		if strings.HasPrefix(key, "verifier.") && !strings.HasPrefix(key, "verifier.audit") {
			parts = append(parts, key+"="+value)
		}
	}
	slices.SortFunc(parts, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	return hashText(parts...)
}

// verifierOf is the name of a task's verifier.
func (r *run) verifierOf(t *task) string {
	if t.verifier != "" {
		return t.verifier
	}
	return r.c.Verifier.Name
}

// item is a response as a verifier sees it.
func (r *run) item(t *task, response []int32) verify.Item {
	text := r.text(response)
	if w, wraps := r.family.(family.Wrapper); wraps && t.kind != "" {
		text = w.Wrap(t.kind, text)
	}
	return verify.Item{Problem: r.problemText(t), Response: text, Answer: t.answer, Tests: t.tests}
}

// problemText is the problem itself, of a conversation its last message.
func (r *run) problemText(t *task) string {
	switch {
	case t.ids != nil:
		return r.text(t.ids)
	case t.problem.IsMessages:
		return t.problem.Messages[len(t.problem.Messages)-1].Content
	}
	return t.problem.String
}

// verdicts are a verifier's as shards store them.
var verdicts = map[verify.Verdict]uint8{
	verify.Pass: shard.VerdictPass, verify.Fail: shard.VerdictFail, verify.Timeout: shard.VerdictTimeout,
	verify.Crash: shard.VerdictCrash, verify.OOM: shard.VerdictOOM, verify.Refused: shard.VerdictRefused,
}

// judge writes verdict, score and what else is to be kept into the records of one prompt.
type judge func(ctx context.Context, x example, records []shard.Record) error

// byVerifier judges tasks by their verifiers; nil where nothing is verified.
func (r *run) byVerifier() judge {
	if !r.c.Verified() {
		return nil
	}
	return r.judgeTask
}

// judgeTask writes verdict, score and final answer into the records of one task.
func (r *run) judgeTask(ctx context.Context, x example, records []shard.Record) error {
	t := x.task
	items := make([]verify.Item, len(records))
	for i, rec := range records {
		items[i] = r.item(t, rec.Response)
	}
	name := r.verifierOf(t)
	outcomes, err := r.verifiers[name].Verify(ctx, items)
	if err != nil {
		return fmt.Errorf("row %d: verifier %s: %w", records[0].Group, name, err)
	}
	if len(outcomes) != len(items) {
		return fault.New(fault.Failed, "row %d: verifier %s gave %d verdicts for %d responses", records[0].Group, name, len(outcomes), len(items))
	}
	for i, o := range outcomes {
		records[i].Verdict, records[i].Reward, records[i].Meta = verdicts[o.Verdict], float32(o.Score), []byte(o.Extracted)
	}
	return nil
}

// judges verify the tasks that are drawn while others are being drawn. All responses of a task are judged together.
type judges struct {
	tasks  chan []shard.Record // by task, in the order of samples
	judged chan []shard.Record
	failed chan error
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

// startJudges judges tasks of d; there is room for all of them, so that drawing never waits.
func startJudges(ctx context.Context, d draw) *judges {
	n := len(d.corpus.examples)
	workers := runtime.GOMAXPROCS(0)
	j := &judges{tasks: make(chan []shard.Record, n), judged: make(chan []shard.Record, n), failed: make(chan error, workers)}
	ctx, j.cancel = context.WithCancel(ctx)
	for range workers {
		j.wait.Go(func() {
			for records := range j.tasks {
				x := d.corpus.examples[d.corpus.index[records[0].Group]]
				if err := d.judge(ctx, x, records); err != nil {
					j.failed <- err
					return
				}
				j.judged <- records
			}
		})
	}
	return j
}

// poll returns a judged task if there is one.
func (j *judges) poll() ([]shard.Record, error) {
	select {
	case err := <-j.failed:
		return nil, err
	case records := <-j.judged:
		return records, nil
	default:
		return nil, nil
	}
}

// finish hands out what is left, after the last task was given.
func (j *judges) finish(take func([]shard.Record) error) error {
	close(j.tasks)
	j.wait.Wait()
	close(j.judged)
	select {
	case err := <-j.failed:
		return err
	default:
	}
	for records := range j.judged {
		if err := take(records); err != nil {
			return err
		}
	}
	return nil
}

// abandon ends the judges when drawing failed.
func (j *judges) abandon(err error) error {
	j.cancel()
	close(j.tasks)
	j.wait.Wait()
	select {
	case cause := <-j.failed:
		if !errors.Is(cause, context.Canceled) {
			return errors.Join(err, cause)
		}
	default:
	}
	return err
}
