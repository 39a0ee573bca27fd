package rng

import "math/bits"

// streamTag keeps the counters that derive a stream's key apart from those of the token sampler,
// which uses the run's seed as key directly.
const streamTag = 0x73706172

// Stream is a sequence of numbers fixed by a seed and the lanes that name its purpose.
type Stream struct {
	key   uint64
	block uint64
	spare uint64
	has   bool
}

// NewStream returns the stream of (seed, lanes). Different lanes, or a different number of lanes,
// give unrelated streams.
func NewStream(seed uint64, lane ...uint32) *Stream {
	key := fold(seed, uint32(len(lane)), 0)
	for i, l := range lane {
		key = fold(key, l, uint32(i)+1)
	}
	return &Stream{key: key}
}

func fold(key uint64, lane, place uint32) uint64 {
	out := Philox(key, [4]uint32{lane, place, streamTag, streamTag})
	return uint64(out[0]) | uint64(out[1])<<32
}

// Uint64 returns the next 64 bits.
func (s *Stream) Uint64() uint64 {
	if s.has {
		s.has = false
		return s.spare
	}
	out := Philox(s.key, [4]uint32{uint32(s.block), uint32(s.block >> 32)})
	s.block++
	s.spare, s.has = uint64(out[2])|uint64(out[3])<<32, true
	return uint64(out[0]) | uint64(out[1])<<32
}

// Float64 returns a number in [0, 1): a multiple of 2^-53.
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// IntN returns a number in [0, n), every one equally likely. It panics when n < 1.
func (s *Stream) IntN(n int) int {
	if n < 1 {
		panic("rng: IntN needs n >= 1")
	}
	// Lemire, "Fast random integer generation in an interval", 2019: reject the short remainder.
	bound := uint64(n)
	hi, lo := bits.Mul64(s.Uint64(), bound)
	if lo < bound {
		for threshold := -bound % bound; lo < threshold; {
			hi, lo = bits.Mul64(s.Uint64(), bound)
		}
	}
	return int(hi)
}

// Shuffle permutes n things by Fisher and Yates: every order equally likely.
func (s *Stream) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, s.IntN(i+1))
	}
}

// Perm returns a permutation of 0 .. n-1.
func (s *Stream) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	s.Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}
