package evolve

import (
	"slices"

	"go.starlark.net/syntax"

	"spar/internal/rng"
)

// Entry is a program that ran.
type Entry struct {
	Program    string  `json:"program"`
	Score      float64 `json:"score"`
	Detail     string  `json:"detail"`
	From       string  `json:"from"`       // seed, or the kind of its proposer
	Generation int     `json:"generation"` // in which it was proposed, from 1; 0: the seed
	Kind       Kind    `json:"kind"`
}

// Kind is a cell of the archive. Programs of different kinds do not displace one another, so that a longer or more branched one may be worse for a
// while (MAP-Elites, Mouret and Clune, arXiv 1504.04909).
type Kind struct {
	Size     int `json:"size"`     // of the syntax tree: the number of times it can be halved
	Branches int `json:"branches"` // if statements and conditional expressions, 3 for more
}

const mostBranches = 3

// kindOf looks at a program that parses.
func kindOf(f *syntax.File) Kind {
	nodes := 0
	var k Kind
	syntax.Walk(f, func(n syntax.Node) bool {
		if n == nil {
			return true
		}
		nodes++
		switch n.(type) {
		case *syntax.IfStmt, *syntax.CondExpr:
			k.Branches = min(k.Branches+1, mostBranches)
		}
		return true
	})
	for ; nodes > 1; nodes /= 2 {
		k.Size++
	}
	return k
}

// parse reads a program. Its length is limited before, which bounds how deep it can nest.
func parse(program string) (*syntax.File, error) {
	return (&syntax.FileOptions{}).Parse("program", program, 0)
}

// Island is a population: the best program of each kind, best first.
type Island struct {
	Elites []Entry `json:"elites"`
}

// add keeps an entry if it is the first of its kind or better than the one that is there. Among equals the older one stays.
func (p *Island) add(e Entry) bool {
	f, err := parse(e.Program)
	if err != nil {
		return false
	}
	e.Kind = kindOf(f)
	if i := slices.IndexFunc(p.Elites, func(x Entry) bool { return x.Kind == e.Kind }); i >= 0 {
		if e.Score <= p.Elites[i].Score {
			return false
		}
		p.Elites = slices.Delete(p.Elites, i, i+1)
	}
	at := slices.IndexFunc(p.Elites, func(x Entry) bool { return e.Score > x.Score })
	if at < 0 {
		at = len(p.Elites)
	}
	p.Elites = slices.Insert(p.Elites, at, e)
	return true
}

// choose draws a parent, the better of two elites, and other elites to look at.
func (p *Island) choose(draw *rng.Stream, inspirations int) (Entry, []Entry) {
	n := len(p.Elites)
	parent := min(draw.IntN(n), draw.IntN(n)) // best first
	var others []Entry
	for _, i := range draw.Perm(n) {
		if i != parent && len(others) < inspirations {
			others = append(others, p.Elites[i])
		}
	}
	return p.Elites[parent], others
}
