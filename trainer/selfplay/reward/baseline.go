package reward

import "math"

// Role is who a response comes from and on what kind of task: what shares a baseline.
type Role struct {
	Name string // proposer, solver
	Task string // deduction, abduction, induction, or any other type of task
}

// whitenFloor is added to a variance under the root.
const whitenFloor = 1e-8

// Whiten is the advantage of Task-Relative REINFORCE++ (Absolute Zero, arXiv 2505.03335): within each role the rewards minus their
// mean, over their sample deviation. A role with one response, or with equal rewards, gets zeros.
func Whiten(rewards []float64, roles []Role) []float64 {
	return relative(rewards, roles, func(of []float64) (mean, scale float64) {
		mean = average(of)
		sum := 0.0
		for _, r := range of {
			sum += (r - mean) * (r - mean)
		}
		return mean, 1 / math.Sqrt(sum/float64(len(of)-1)+whitenFloor)
	})
}

// Centre is the role-conditioned baseline of SPIRAL (arXiv 2506.24119) and SPICE (arXiv 2510.24684): within each role the
// rewards minus their mean, with no deviation.
func Centre(rewards []float64, roles []Role) []float64 {
	return relative(rewards, roles, func(of []float64) (mean, scale float64) { return average(of), 1 })
}

// relative subtracts and scales role by role.
func relative(rewards []float64, roles []Role, statistics func([]float64) (mean, scale float64)) []float64 {
	members := map[Role][]int{}
	for i, role := range roles {
		members[role] = append(members[role], i)
	}
	out := make([]float64, len(rewards))
	for _, indices := range members {
		of := make([]float64, len(indices))
		equal := true
		for j, i := range indices {
			of[j] = rewards[i]
			equal = equal && of[j] == of[0]
		}
		if equal {
			continue // the mean of equal numbers may differ from them in the last bit
		}
		mean, scale := statistics(of)
		for _, i := range indices {
			out[i] = scale * (rewards[i] - mean)
		}
	}
	return out
}

func average(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}
