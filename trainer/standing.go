package trainer

import (
	"maps"
	"slices"

	"spar/trainer/selfplay/cluster"
	"spar/trainer/selfplay/reward"
)

// standing is what a proposal's reward may depend on besides its own solve rate, by number; nil where the reward does not read it.
type standing struct {
	cluster []float64       // share of the batch that is like it
	guide   map[int]float64 // the guide's score; 0 where it has none
}

// standings are those of iteration t's proposals. A proposal that is no task is like no other.
func (r *run) standings(t int, rule reward.Rule, proposals []proposal) (s standing, err error) {
	if rule.Clusters() {
		texts := make([]string, len(proposals))
		for i, p := range proposals {
			texts[i] = p.own
		}
		s.cluster = cluster.Shares(texts)
	}
	if rule.Guided() {
		s.guide, err = r.readGuide(t)
	}
	return s, err
}

// of fills in what is known of proposal i.
func (s standing) of(i int, p *reward.Proposal) {
	if s.cluster != nil {
		p.ClusterShare = s.cluster[i]
	}
	p.Guide = s.guide[i]
}

// add adds the means, of clusters over all proposals, of the guide over those that it was asked about.
func (s standing) add(v map[string]float64) {
	for _, share := range s.cluster {
		v["proposer/cluster_share"] += share / float64(len(s.cluster))
	}
	for _, i := range slices.Sorted(maps.Keys(s.guide)) { // a sum over a map has no fixed last bits
		v["proposer/guide"] += s.guide[i] / float64(len(s.guide))
	}
}
