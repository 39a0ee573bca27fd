package trainer

import (
	"errors"
	"fmt"

	"spar/loader"
	"spar/native"
	"spar/trainer/journal"
	"spar/trainer/policy"
)

// loaded is the one policy in memory.
type loaded struct {
	policy *policy.Policy
	source *loader.Model // when it is not the run's model
	hash   string        // identity of its weights; "" when training has moved them
}

// start is the identity and place of the policy that iteration t begins with: the run's model, whose place is "", or what the iteration
// before sealed.
func (r *run) start(t int) (hash, path string) {
	if t == 0 {
		return r.lineage.Model.Hash, ""
	}
	name := iterationDir(t-1) + "/policy"
	return r.output(t-1, "update", name), r.path(name)
}

// load makes the policy that iteration t begins with the one in memory.
func (r *run) load(t int) (*policy.Policy, error) {
	return r.loadFrom(r.start(t))
}

// loadFrom makes the weights of the given identity the ones in memory: those at path, or with "" those of the run's model.
func (r *run) loadFrom(hash, path string) (*policy.Policy, error) {
	if r.loaded.policy != nil && r.loaded.hash == hash && hash != "" {
		return r.loaded.policy, nil
	}
	if err := r.unload(); err != nil {
		return nil, err
	}
	source, own := r.model, (*loader.Model)(nil)
	if path != "" {
		m, err := loader.Open(path)
		if err != nil {
			return nil, err
		}
		source, own = m, m
	}
	p, err := policy.Open(r.lib, source, r.policyOptions())
	if err != nil {
		if own != nil {
			err = errors.Join(err, own.Close())
		}
		return nil, err
	}
	r.loaded = loaded{policy: p, source: own, hash: hash}
	return p, p.Context().StartProfile(true)
}

func (r *run) policyOptions() policy.Options {
	o := policy.Options{Precision: native.FP32, Threads: r.c.Threads, ISA: r.lineage.Kernels, Trainable: true, MaxLength: r.c.MaxLength, RandomSeed: r.c.Seed}
	if r.lineage.Precision == "bf16" {
		o.Precision = native.BF16
	}
	if r.o.Crumb != nil {
		o.Breadcrumb = r.o.Crumb.Op()
	}
	return o
}

// unload frees the policy in memory.
func (r *run) unload() error {
	l := r.loaded
	r.loaded = loaded{}
	var err error
	if l.policy != nil {
		err = l.policy.Close()
	}
	if l.source != nil {
		err = errors.Join(err, l.source.Close())
	}
	return err
}

// readProfile returns where the engine's time went since the last call.
func (r *run) readProfile() ([]journal.Op, error) {
	if r.loaded.policy == nil {
		return nil, nil
	}
	profile, err := r.loaded.policy.Context().ReadProfile()
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	var out []journal.Op
	for _, p := range profile {
		if p.Calls > 0 {
			out = append(out, journal.Op{Name: p.Name, Calls: p.Calls, Seconds: float64(p.TimeNs) / 1e9, Flops: p.Flops, Bytes: p.Bytes})
		}
	}
	return out, r.loaded.policy.Context().StartProfile(true)
}
