package prove

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"spar/internal/rng"
	"spar/trainer/learn/observer"
)

// The meter of claim 15 is the one that training reads, under its default budget but for the number of tasks.
const (
	meteredTasks = 2048 // of a kind
	meterSeeds   = 2
	formSteps    = 200
	formBatch    = 32
)

// probe reads what examples of a kind hold for a fresh observer, beside shuffled controls, as training does.
func probe(ctx context.Context, o Options, examples []observer.Example, kind int32, seed uint64) (observer.Reading, error) {
	return observer.Probe(ctx, examples, budget(examples, seed), func(seed uint64) (observer.Model, error) { return schooled(ctx, o, kind, seed) })
}

// fit is a reading without controls.
func fit(ctx context.Context, o Options, examples []observer.Example, kind int32, seed uint64) (f observer.Fit, err error) {
	p, err := schooled(ctx, o, kind, seed)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	b := budget(examples, seed)
	aside := int(b.Validation * float64(len(examples)))
	return observer.Learn(ctx, p, examples[aside:], examples[:aside], b)
}

func budget(examples []observer.Example, seed uint64) observer.Budget {
	b := observer.DefaultBudget()
	b.Examples, b.Seed = len(examples), seed
	return b
}

// schooled is an observer that knows the form of a kind's tasks and nothing else, as a pretrained one would: it has seen tasks with the
// answers of others.
func schooled(ctx context.Context, o Options, kind int32, seed uint64) (*observer.Policy, error) {
	p, err := observer.OpenPolicy(observer.Engine{Library: o.Library, Threads: o.Threads}, observer.Small(int(kindsEnd), triple), seed)
	if err != nil {
		return nil, err
	}
	r := rng.NewStream(seed, 15, uint32(kind))
	for range formSteps {
		form := tasks(kind, formBatch, r)
		for i := range form {
			form[i].Response = newProgram(r).task(kind, r).Response
		}
		if err := p.Step(ctx, form); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

var kindNames = map[int32]string{deduction: "deduction", abduction: "abduction", induction: "induction"}

// posedTasks are what is read of a kind.
func posedTasks(kind int32, seed uint64) []observer.Example {
	return tasks(kind, meteredTasks, rng.NewStream(seed, 16, uint32(kind)))
}

func inductionBits(ctx context.Context, o Options) (outcome, error) {
	bits := map[int32]float64{}
	for kind := range kindNames {
		for seed := range uint64(meterSeeds) {
			f, err := fit(ctx, o, posedTasks(kind, seed), kind, seed)
			if err != nil {
				return outcome{}, err
			}
			bits[kind] += f.At().S / meterSeeds
		}
	}
	ratio := bits[induction] / max(bits[deduction], bits[abduction])
	return outcome{fmt.Sprintf("S of induction %.0f, deduction %.0f, abduction %.0f bits: %.2f times the larger", bits[induction],
		bits[deduction], bits[abduction], ratio), ratio >= 1.5 && ratio <= 4}, nil
}

func shuffledAnswers(ctx context.Context, o Options) (outcome, error) {
	pass := true
	var parts []string
	for kind := deduction; kind < kindsEnd; kind++ {
		var s, edl, controlS, controlEDL float64
		for seed := range uint64(meterSeeds) {
			r, err := probe(ctx, o, posedTasks(kind, seed), kind, seed)
			if err != nil {
				return outcome{}, err
			}
			at := r.Fit.At()
			cs, cedl := r.Control()
			s, edl, controlS, controlEDL = s+at.S/meterSeeds, edl+at.EDL/meterSeeds, controlS+cs/meterSeeds, controlEDL+cedl/meterSeeds
		}
		pass = pass && controlS > 0 && controlEDL <= 0.05*edl
		parts = append(parts, fmt.Sprintf("%s S %.0f, EDL %.0f, shuffled S %.0f, EDL %.0f", kindNames[kind], s, edl, controlS, controlEDL))
	}
	return outcome{"bits: " + strings.Join(parts, "; "), pass}, nil
}
