// Package observer measures how much a fresh, small model can learn from an iteration's data: S, the epiplexity of
// arXiv 2603.02218, and EDL, the excess description length of arXiv 2601.04728, each beside a control in which the answers are
// shuffled.
//
//	reading, err := observer.Probe(ctx, examples, observer.DefaultBudget(), func(seed uint64) (observer.Model, error) {
//		return observer.OpenPolicy(engine, observer.Small(vocabulary, 96), seed)
//	})
//	c := observer.Judge(reading, &before) // did this iteration bring more to learn than the one before?
//
// Online is what the examples cost, in nats, when each batch is coded before it is learned, in the first epoch. With the model after an
// epoch, Train and Validation are the losses over the two parts of the data, n and m the tokens that they predict:
//
//	S   = (Online - Train) / ln 2                   bits
//	EDL = (Online - n/m Validation) / ln 2          bits
//	MDL = S/n + Validation/(m ln 2)                 bits a token
//
// The epoch with the least MDL is reported. S counts what was memorised as well, and stays above 0 when answers are noise; EDL
// does not, which is why the condition is judged on EDL. All losses come from one function of the model, so none is taken with dropout on
// and another without; the observers here have none. Only answers are predicted: the questions are the same in data and
// control, so their tokens would add the same to both.
//
// A Model belongs to one goroutine. Probe and Fit keep nothing.
package observer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"spar/internal/fault"
	"spar/loader/pack"
)

// Example is a question and its answer, in token ids.
type Example struct {
	Prompt   []int32 // given; at least one token
	Response []int32 // predicted; at least one token
}

// Model is an observer that has learned nothing yet. Implementations outside of this package are welcome; Losses must not depend on
// how examples are batched, nor on whether Step came before in anything but the weights.
type Model interface {
	// Losses returns the negative log-prob of each response, in nats, and changes nothing.
	Losses(ctx context.Context, batch []Example) ([]float64, error)
	// Step learns a batch: one step on its mean loss of a token.
	Step(ctx context.Context, batch []Example) error
	io.Closer
}

// Budget bounds an observer, so that two iterations are measured alike.
type Budget struct {
	Examples   int     // most examples used, drawn at random; S and EDL grow with it
	Validation float64 // share of prompts set aside
	Epochs     int     // at most
	Patience   int     // epochs without a smaller MDL before it stops
	Batch      int     // examples of a step
	Controls   int     // fits with shuffled answers, at least 2: their spread sets the threshold
	Seed       uint64
}

// DefaultBudget is that of the paper, Algorithm 1, with a bound on the examples: 10 % set aside, 20 epochs, patience 5, batches of 4 x 4.
func DefaultBudget() Budget {
	return Budget{Examples: 1024, Validation: 0.1, Epochs: 20, Patience: 5, Batch: 16, Controls: 3}
}

func (b Budget) check() error {
	if b.Examples < 4 || !(b.Validation > 0 && b.Validation < 1) || b.Epochs < 1 || b.Patience < 1 || b.Batch < 1 || b.Controls < 2 {
		return fault.Inputf("observer: budget %+v: needs at least 4 examples, a validation share between 0 and 1, 1 epoch, 1 of patience, a batch of 1 and 2 controls", b)
	}
	return nil
}

// Epoch is the state after one pass over the data.
type Epoch struct {
	Train      float64 // nats
	Validation float64 // nats
	S          float64 // bits
	EDL        float64 // bits
	MDL        float64 // bits a token
}

// Fit is one observer's way through the data.
type Fit struct {
	Online           float64 // nats
	TrainTokens      int
	ValidationTokens int
	Epochs           []Epoch
	Best             int // of the epochs: the one with the least MDL
}

// At is the reported epoch.
func (f Fit) At() Epoch { return f.Epochs[f.Best] }

// epoch applies the definitions.
func (f Fit) epoch(train, validation float64) Epoch {
	n, m := float64(f.TrainTokens), float64(f.ValidationTokens)
	s := (f.Online - train) / math.Ln2
	return Epoch{Train: train, Validation: validation, S: s, EDL: (f.Online - validation*n/m) / math.Ln2, MDL: s/n + validation/math.Ln2/m}
}

// Learn takes a fresh model through the data under the budget.
func Learn(ctx context.Context, model Model, train, validation []Example, b Budget) (Fit, error) {
	f := Fit{TrainTokens: tokens(train), ValidationTokens: tokens(validation)}
	if f.TrainTokens == 0 || f.ValidationTokens == 0 {
		return f, fault.Inputf("observer: %d tokens to learn and %d to validate with; it needs both", f.TrainTokens, f.ValidationTokens)
	}
	for epoch := 0; epoch < b.Epochs && epoch-f.Best <= b.Patience; epoch++ {
		online, err := pass(ctx, model, train, b, epoch)
		if err != nil {
			return f, fmt.Errorf("observer: epoch %d: %w", epoch, err)
		}
		if epoch == 0 {
			f.Online = online
		}
		trainLoss, err1 := total(ctx, model, train, b.Batch)
		validationLoss, err2 := total(ctx, model, validation, b.Batch)
		if err := errors.Join(err1, err2); err != nil {
			return f, fmt.Errorf("observer: epoch %d: %w", epoch, err)
		}
		f.Epochs = append(f.Epochs, f.epoch(trainLoss, validationLoss))
		if f.Epochs[epoch].MDL < f.At().MDL {
			f.Best = epoch
		}
	}
	return f, nil
}

// pass learns every batch once; in the first epoch each is coded before it is learned, and the sum returned.
func pass(ctx context.Context, model Model, train []Example, b Budget, epoch int) (online float64, err error) {
	order := pack.Order(len(train), b.Seed, epoch, true)
	for len(order) > 0 {
		n := min(b.Batch, len(order))
		batch := make([]Example, n)
		for i, k := range order[:n] {
			batch[i] = train[k]
		}
		order = order[n:]
		if epoch == 0 {
			loss, err := total(ctx, model, batch, n)
			if err != nil {
				return 0, err
			}
			online += loss
		}
		if err := model.Step(ctx, batch); err != nil {
			return 0, err
		}
	}
	return online, nil
}

// total is the loss over examples, in nats.
func total(ctx context.Context, model Model, examples []Example, batch int) (sum float64, err error) {
	for len(examples) > 0 {
		n := min(batch, len(examples))
		losses, err := model.Losses(ctx, examples[:n])
		if err != nil {
			return 0, err
		}
		for _, x := range losses {
			sum += x
		}
		examples = examples[n:]
	}
	return sum, nil
}

func tokens(examples []Example) (n int) {
	for _, x := range examples {
		n += len(x.Response)
	}
	return n
}
