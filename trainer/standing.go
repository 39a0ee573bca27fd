package trainer

import (
	"spar/trainer/selfplay/cluster"
	"spar/trainer/selfplay/reward"
)

// standing is what a proposal's reward may depend on besides its own solve rate, by number; nil where the reward does not read it.
type standing struct {
	cluster []float64 // share of the batch that is like it
}

// standings are those of iteration t's proposals. A proposal that is no task is like no other.
func (r *run) standings(rule reward.Rule, proposals []proposal) (s standing) {
	if rule.Clusters() {
		texts := make([]string, len(proposals))
		for i, p := range proposals {
			texts[i] = p.own
		}
		s.cluster = cluster.Shares(texts)
	}
	return s
}

// of fills in what is known of proposal i.
func (s standing) of(i int, p *reward.Proposal) {
	if s.cluster != nil {
		p.ClusterShare = s.cluster[i]
	}
}

// add adds the means over all proposals.
func (s standing) add(v map[string]float64) {
	for _, share := range s.cluster {
		v["proposer/cluster_share"] += share / float64(len(s.cluster))
	}
}
