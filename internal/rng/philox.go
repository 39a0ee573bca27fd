// Package rng is the project's only source of pseudo-random numbers: Philox4x32-10, a counter-based
// generator (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
// Philox is a pure function of key and counter, so a draw depends on what it is for (seed, iteration,
// prompt, sample, token) and not on what was drawn before it. Stream is the sequential form for
// shuffles and the like.
//
// Philox may be called from any goroutine; a Stream belongs to one goroutine at a time.
package rng

import "math/bits"

const (
	multiplier0 = 0xD2511F53
	multiplier1 = 0xCD9E8D57
	weyl0       = 0x9E3779B9
	weyl1       = 0xBB67AE85
	numRounds   = 10
)

// Philox returns the four words of block ctr under key. The low half of the key is the first key
// word of the paper.
func Philox(key uint64, ctr [4]uint32) [4]uint32 {
	k0, k1 := uint32(key), uint32(key>>32)
	for range numRounds {
		hi0, lo0 := bits.Mul32(multiplier0, ctr[0])
		hi1, lo1 := bits.Mul32(multiplier1, ctr[2])
		ctr = [4]uint32{hi1 ^ ctr[1] ^ k0, lo1, hi0 ^ ctr[3] ^ k1, lo0}
		k0 += weyl0
		k1 += weyl1
	}
	return ctr
}
