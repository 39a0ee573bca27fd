package cluster

// linkage is agglomerative clustering in progress. A cluster goes by its first item; rows of items that have joined another are dead.
type linkage struct {
	distance [][]float64 // mean over the pairs of items of two clusters
	size     []int
	alive    []bool
	nearest  []int // of each living cluster, among the later ones; -1: none is left
}

// average joins, as long as their distance is below the threshold, the two clusters whose items are nearest in the mean over all pairs (of equal ones the
// first), and returns for each item the first item of its cluster. distance is symmetric and is overwritten.
func average(distance [][]float64, threshold float64) []int {
	n := len(distance)
	l := linkage{distance: distance, size: make([]int, n), alive: make([]bool, n), nearest: make([]int, n)}
	labels := make([]int, n)
	for i := range n {
		l.size[i], l.alive[i], labels[i] = 1, true, i
	}
	for i := range n {
		l.nearest[i] = l.find(i)
	}
	for {
		i, j, found := l.closest()
		if !found || distance[i][j] >= threshold {
			return labels
		}
		l.join(i, j)
		for k, label := range labels {
			if label == j {
				labels[k] = i
			}
		}
	}
}

// find is the nearest of the living clusters after i.
func (l *linkage) find(i int) int {
	best := -1
	for j := i + 1; j < len(l.size); j++ {
		if l.alive[j] && (best < 0 || l.distance[i][j] < l.distance[i][best]) {
			best = j
		}
	}
	return best
}

// closest is the nearest pair, i before j.
func (l *linkage) closest() (i, j int, found bool) {
	for k, near := range l.nearest {
		if l.alive[k] && near >= 0 && (!found || l.distance[k][near] < l.distance[i][j]) {
			i, j, found = k, near, true
		}
	}
	return i, j, found
}

// join puts cluster j into i. Distances to the union are means weighted by size (Lance and Williams, 1967).
func (l *linkage) join(i, j int) {
	a, b := float64(l.size[i]), float64(l.size[j])
	l.alive[j] = false
	l.size[i] += l.size[j]
	for k := range l.size {
		if l.alive[k] && k != i {
			l.distance[i][k] = (a*l.distance[i][k] + b*l.distance[j][k]) / (a + b)
			l.distance[k][i] = l.distance[i][k]
		}
	}
	for k := range j { // later ones have neither among those after them
		switch {
		case !l.alive[k]:
		case k == i || l.nearest[k] == i || l.nearest[k] == j:
			l.nearest[k] = l.find(k)
		case k < i && l.distance[k][i] < l.distance[k][l.nearest[k]]:
			l.nearest[k] = i
		}
	}
}
