package trainer

import (
	"bufio"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"spar/internal/fault"
	"spar/internal/fsys"
)

func paidName(t int) string { return iterationDir(t) + "/payments.jsonl" }

// settled is what this process paid last, for the update after it.
type settled struct {
	iteration int
	payments  []payment // nil: nothing yet
}

// writePayments writes what every response of iteration t was worth. There are as many lines as responses, so they are written without
// encoding/json.
func (r *run) writePayments(t int, payments []payment) error {
	path := r.path(paidName(t))
	if err := fsys.MakeDir(r.fs, filepath.Dir(path)); err != nil {
		return err
	}
	r.settled = settled{t, payments}
	return fsys.WriteFile(r.fs, path, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<16)
		for _, p := range payments {
			line, err := p.append(b.AvailableBuffer())
			if err != nil {
				return err
			}
			if _, err := b.Write(line); err != nil {
				return err
			}
		}
		return b.Flush()
	})
}

// readPayments is what iteration t paid; a process that goes on after the stage reads the file.
func (r *run) readPayments(t int) ([]payment, error) {
	if r.settled.payments != nil && r.settled.iteration == t {
		return r.settled.payments, nil
	}
	return readLines[payment](r.fs, r.path(paidName(t)))
}

// append appends the payment's line. Roles and kinds are words of this program that need no quoting.
func (p payment) append(b []byte) ([]byte, error) {
	if math.IsNaN(p.Reward+p.Advantage) || math.IsInf(p.Reward+p.Advantage, 0) {
		return nil, fault.New(fault.NonFinite, "%s, task %d, response %d: reward %v, advantage %v", p.Role, p.Key, p.Sample, p.Reward, p.Advantage)
	}
	b = append(append(b, `{"role":"`...), p.Role...)
	b = append(append(b, `","kind":"`...), p.Kind...)
	b = strconv.AppendInt(append(b, `","level":`...), int64(p.Level), 10)
	b = strconv.AppendInt(append(b, `,"key":`...), int64(p.Key), 10)
	b = strconv.AppendInt(append(b, `,"sample":`...), int64(p.Sample), 10)
	b = strconv.AppendFloat(append(b, `,"reward":`...), p.Reward, 'g', -1, 64)
	b = strconv.AppendFloat(append(b, `,"advantage":`...), p.Advantage, 'g', -1, 64)
	b = strconv.AppendBool(append(b, `,"left_out":`...), p.Left)
	return append(b, "}\n"...), nil
}
