package prove

import (
	"context"

	"spar/internal/rng"
)

// Addition is the task of the claims on self-training with a verifier: numbers of the same length, digits from the right, and a rationale that
// writes the carry before each digit. The answer is checked, the rationale is not.

// Ids: 0 ends a response, 1..10 are the digits.
const (
	plusToken   int32 = 11
	equalsToken int32 = 12
	hintToken   int32 = 13
)

func additionShape() shape {
	return shape{vocabulary: 14, width: 48, layers: 2, positions: 48, stop: 0}
}

// sum is a problem: two numbers, digits from the right.
type sum struct{ a, b []int }

func newSum(digits int, r *rng.Stream) (s sum) {
	for range digits {
		s.a, s.b = append(s.a, r.IntN(10)), append(s.b, r.IntN(10))
	}
	return s
}

func newSums(n, digits int, r *rng.Stream) []sum {
	out := make([]sum, n)
	for i := range out {
		out[i] = newSum(digits, r)
	}
	return out
}

func digitIDs(digits []int) (ids []int32) {
	for _, d := range digits {
		ids = append(ids, int32(1+d))
	}
	return ids
}

// answer has a digit more than the numbers; carries are those into each digit.
func (s sum) answer() (digits, carries []int) {
	carry := 0
	for i := range s.a {
		carries = append(carries, carry)
		total := s.a[i] + s.b[i] + carry
		digits, carry = append(digits, total%10), total/10
	}
	return append(digits, carry), carries
}

func (s sum) prompt() []int32 {
	out := append(digitIDs(s.a), plusToken)
	return append(append(out, digitIDs(s.b)...), equalsToken)
}

// hinted is the prompt that gives the answer away.
func (s sum) hinted() []int32 {
	digits, _ := s.answer()
	out := append(digitIDs(s.a), plusToken)
	out = append(append(out, digitIDs(s.b)...), hintToken)
	return append(append(out, digitIDs(digits)...), equalsToken)
}

// solution is the right rationale with its answer.
func (s sum) solution() (out []int32) {
	digits, carries := s.answer()
	for i, c := range carries {
		out = append(out, int32(1+c), int32(1+digits[i]))
	}
	return append(out, int32(1+digits[len(digits)-1]), 0)
}

// accepts is the verifier: every second token, the last and the end have to be right.
func (s sum) accepts(response []int32) bool {
	want := s.solution()
	if len(response) != len(want) {
		return false
	}
	for i, id := range want {
		carry := i%2 == 0 && i < 2*len(s.a)
		if !carry && response[i] != id {
			return false
		}
	}
	return true
}

// longestSolution is enough for four digits.
const longestSolution = 12

// accuracy is the share of problems that are solved greedily.
func (s *student) accuracy(ctx context.Context, problems []sum) (share float64, err error) {
	prompts := make([][]int32, len(problems))
	for i, p := range problems {
		prompts[i] = p.prompt()
	}
	got, err := s.sample(ctx, prompts, 1, longestSolution, 0, 0)
	if err != nil {
		return 0, err
	}
	for i, p := range problems {
		if p.accepts(got[i][0]) {
			share += 1 / float64(len(problems))
		}
	}
	return share, nil
}

// lessons are solved problems of one to three digits, half of them hinted.
func lessons(n int, r *rng.Stream) []row {
	out := make([]row, n)
	for i := range out {
		s := newSum(1+i%3, r)
		prompt := s.prompt()
		if chance(0.5, r) {
			prompt = s.hinted()
		}
		out[i] = row{prompt, [][]int32{s.solution()}}
	}
	return out
}
