// Package cluster tells which of a batch of texts repeat each other, as R-Zero does (arXiv 2508.05004 and its code): the distance of two texts is 1 less their
// BLEU over words, and clusters are those of average linkage below a distance of 1/2.
//
//	shares := cluster.Shares(questions) // of each, the share of the batch that is like it, itself included
//
// All functions are pure and safe to call from any goroutine. BLEU is that of package measure, unsmoothed and the mean of both directions.
package cluster

import (
	"strings"

	"spar/trainer/selfplay/measure"
)

// threshold is the mean distance at and above which two clusters stay apart.
const threshold = 0.5

// Shares are, for each text, the share of all texts that are in its cluster. An empty text is alone. Time and memory go with the
// square of the number of texts.
func Shares(texts []string) []float64 {
	pairs := measure.NewPairs(words(texts))
	distance := make([][]float64, len(texts))
	for i := range texts {
		distance[i] = make([]float64, len(texts))
		for j := range i {
			distance[i][j] = 1 - pairs.BLEU(i, j)
			distance[j][i] = distance[i][j]
		}
	}
	labels := average(distance, threshold)
	size := make([]int, len(texts))
	for _, label := range labels {
		size[label]++
	}
	shares := make([]float64, len(texts))
	for i, label := range labels {
		shares[i] = float64(size[label]) / float64(len(texts))
	}
	return shares
}

// words numbers the words of the texts.
func words(texts []string) [][]int32 {
	numbers := map[string]int32{}
	out := make([][]int32, len(texts))
	for i, text := range texts {
		for _, word := range strings.Fields(text) {
			if _, known := numbers[word]; !known {
				numbers[word] = int32(len(numbers))
			}
			out[i] = append(out[i], numbers[word])
		}
	}
	return out
}
